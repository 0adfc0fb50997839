//! `cargo xtask manifest`

use anstyle::AnsiColor;
use tierce_execute::ManifestScope;

use crate::Failure;
use crate::call::Call;
use crate::cli::ManifestArgs;

/// Writes the Manifests of a repository and prints which changed.
pub(crate) fn run(arguments: &ManifestArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let session = call.session(None)?;
    let scope = ManifestScope {
        repository: arguments.repository.clone(),
        packages: arguments.packages.clone(),
        rewrite: arguments.force,
    };
    let written = session.manifest(&scope, &|event| terminal.show(event))?;
    terminal.close();
    for manifest in &written {
        let added = match manifest.added.as_slice() {
            [] => "unused entries removed".to_owned(),
            added => added.join(", "),
        };
        terminal.status(AnsiColor::Green, "Wrote", &format!("{}: {added}", manifest.path.display()));
    }
    if written.is_empty() {
        terminal.status(AnsiColor::Green, "Fresh", "every source has its entry");
    }
    Ok(())
}
