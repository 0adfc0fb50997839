//! `cargo xtask doctor`

use tierce_execute::{Check, Diagnosis, doctor};

use crate::call::Call;
use crate::cli::{DoctorArgs, Format};
use crate::data::json;
use crate::terminal::shown::one_line;
use crate::{Failure, invocation, print};

/// Prints the checks of this machine. Returns 1 if a build cannot work.
pub(crate) fn run(arguments: &DoctorArgs, call: &Call<'_>) -> Result<u8, Failure> {
    let diagnosis = doctor(&call.options(None)?)?;
    let text = match arguments.format {
        Format::Json => json(&diagnosis) + "\n",
        Format::Text => table(&diagnosis),
    };
    print(&invocation::named(&text))?;
    Ok(u8::from(!diagnosis.can_build))
}

/// Formats columns with a head. The remedy stands below the meaning.
fn table(diagnosis: &Diagnosis) -> String {
    let name = diagnosis.checks.iter().map(|check| check.check.as_str().len()).max().unwrap_or(0);
    let state = diagnosis.checks.iter().map(|check| check.state.as_str().len()).max().unwrap_or(0);
    let line = |one: &str, two: &str, three: &str| {
        format!("{one:name$}  {two:state$}  {}", one_line(three)).trim_end().to_owned() + "\n"
    };
    let lines = |check: &Check| {
        let first = line(check.check.as_str(), check.state.as_str(), &check.meaning);
        let fix = check.fix.as_ref().map(|fix| line("", "", &format!("fix: {fix}")));
        first + &fix.unwrap_or_default()
    };
    line("CHECK", "STATE", "MEANING") + &diagnosis.checks.iter().map(lines).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_execute::{CheckState, Subject};

    #[test]
    fn checks_are_columns_with_remedies_below() {
        let check = |check, state, meaning: &str, fix: Option<&str>| Check {
            check,
            state,
            meaning: meaning.to_owned(),
            fix: fix.map(str::to_owned),
        };
        let diagnosis = Diagnosis {
            can_build: false,
            engines: Vec::new(),
            checks: vec![
                check(Subject::Kernel, CheckState::Ok, "Linux 6.12.9 is new enough for sandboxes", None),
                check(
                    Subject::SubordinateIds,
                    CheckState::Degraded,
                    "newuidmap is not in PATH",
                    Some("`sudo apt install uidmap`"),
                ),
                check(Subject::Daemon, CheckState::Missing, "no \x1b[2J\nsocket", Some("start it\n")),
            ],
        };
        insta::assert_snapshot!(table(&diagnosis), @r"
        CHECK            STATE     MEANING
        kernel           ok        Linux 6.12.9 is new enough for sandboxes
        subordinate-ids  degraded  newuidmap is not in PATH
                                   fix: `sudo apt install uidmap`
        daemon           missing   no \x1b[2J\nsocket
                                   fix: start it\n
        ");
    }
}
