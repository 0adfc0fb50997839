//! Parses relations between packages (Debian policy 7.1): "a (>= 1) | b, c:any".

use std::cmp::Ordering;
use std::fmt;

use crate::{Error, Version};

/// One alternative of a relation: a name and the constraint on its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation<'t> {
    pub(crate) name: &'t str,
    pub(crate) constraint: Option<(Operator, Version<'t>)>,
}

/// The operator of a version constraint; `<<` and `>>` are strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Earlier,
    EarlierOrEqual,
    Equal,
    LaterOrEqual,
    Later,
}

impl Operator {
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Earlier => order.is_lt(),
            Self::EarlierOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::LaterOrEqual => order.is_ge(),
            Self::Later => order.is_gt(),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }
}

impl<'t> Relation<'t> {
    /// Parses one alternative: `name[:arch] [(op version)]`.
    fn parse(text: &'t str) -> Option<Self> {
        let (name, constraint) = match text.split_once('(') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(')')?.trim())),
            None => (text, None),
        };
        // A qualifier (":any", ":native", ":amd64") is ignored: a root has one architecture.
        let name = name.split(':').next()?.trim();
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
        if name.is_empty() || !name.bytes().all(allowed) {
            return None;
        }
        let constraint = match constraint {
            Some(text) => Some(parse_constraint(text)?),
            None => None,
        };
        Some(Self { name, constraint })
    }

    /// Whether a package of this name with `version` satisfies the relation.
    pub(crate) fn accepts(&self, version: Version<'_>) -> bool {
        self.constraint.is_none_or(|(operator, wanted)| operator.accepts(version.cmp(&wanted)))
    }

    /// Whether a package satisfies the relation by providing this name, as version `provided` if it has one. Only a
    /// versioned Provides meets a constraint (policy 7.5).
    pub(crate) fn accepts_provided(&self, provided: Option<Version<'_>>) -> bool {
        match (self.constraint, provided) {
            (None, _) => true,
            (Some(_), Some(version)) => self.accepts(version),
            (Some(_), None) => false,
        }
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)?;
        if let Some((operator, version)) = self.constraint {
            write!(formatter, " ({} {version})", operator.as_str())?;
        }
        Ok(())
    }
}

fn parse_constraint(text: &str) -> Option<(Operator, Version<'_>)> {
    let operators = [
        ("<<", Operator::Earlier),
        ("<=", Operator::EarlierOrEqual),
        (">=", Operator::LaterOrEqual),
        (">>", Operator::Later),
        ("=", Operator::Equal),
    ];
    let (operator, version) =
        operators.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)))?;
    Some((operator, Version::parse(version.trim()).ok()?))
}

/// The clauses of a relation field, each with its alternatives; an empty field has no clause.
///
/// # Errors
/// [`Error::Field`] of `package` and `field` if a clause is not a relation.
pub(crate) fn parse_relations<'t>(
    package: &str,
    field: &'static str,
    text: &'t str,
) -> Result<Vec<Vec<Relation<'t>>>, Error> {
    text.split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
        .map(|clause| {
            let alternatives = clause.split('|').map(|alternative| Relation::parse(alternative.trim()));
            let parsed: Option<Vec<_>> = alternatives.collect();
            parsed.ok_or_else(|| Error::field(package, field, format!("`{clause}` is not a relation")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn relations_display_as_written() {
        let text = "libc6 (>= 2.36), python3:any (<< 3.12~),\n debconf (>= 0.5) | debconf-2.0, g++-12 (=12.2.0-14+b1),";
        let clauses = parse_relations("x", "Depends", text).unwrap();
        let shown: Vec<String> = clauses
            .iter()
            .map(|clause| clause.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "))
            .collect();
        let expected =
            ["libc6 (>= 2.36)", "python3 (<< 3.12~)", "debconf (>= 0.5) | debconf-2.0", "g++-12 (= 12.2.0-14+b1)"];
        assert_eq!(shown, expected);
        assert!(parse_relations("x", "Depends", " ").unwrap().is_empty());
    }

    #[test]
    fn invalid_relations_are_errors() {
        for text in ["a (2)", "a (>= 2", "a (>= )", "| b", "A b", "a || b", "a (! 2)", "ü"] {
            assert!(parse_relations("x", "Depends", text).is_err(), "{text}");
        }
    }

    #[test]
    fn constraints_compare_versions() {
        let cases =
            [("a", "1", true), ("a (>= 2)", "2-1", true), ("a (>> 2-1)", "2-1", false), ("a (<< 2)", "2~rc1", true)];
        for (text, version, expected) in cases {
            let relation = Relation::parse(text).unwrap();
            let version = Version::parse(version).unwrap();
            assert_eq!(relation.accepts(version), expected, "{text} by {version}");
            assert_eq!(relation.accepts_provided(Some(version)), expected, "{text} by a Provides of {version}");
        }
        assert!(Relation::parse("a").unwrap().accepts_provided(None));
        assert!(!Relation::parse("a (>= 2)").unwrap().accepts_provided(None));
    }

    proptest! {
        /// The text of parsed relations parses to the same relations.
        #[test]
        fn parsed_relations_round_trip(text in "[ab:,|() <>=~.0-9-]{0,24}") {
            if let Ok(clauses) = parse_relations("x", "Depends", &text) {
                let shown: Vec<String> = clauses
                    .iter()
                    .map(|clause| clause.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "))
                    .collect();
                let shown = shown.join(", ");
                prop_assert_eq!(parse_relations("x", "Depends", &shown).unwrap(), clauses);
            }
        }
    }
}
