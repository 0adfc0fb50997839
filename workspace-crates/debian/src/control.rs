//! Debian's control file syntax (deb822; Debian policy 5.1): paragraphs of fields, without copying.

use crate::Error;

/// More fields than any paragraph has (a Packages entry has about 20): a bound for hostile input.
const MAX_FIELDS: usize = 256;

/// One paragraph: its fields in order. Field names ignore case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph<'t> {
    fields: Vec<(&'t str, &'t str)>,
}

impl<'t> Paragraph<'t> {
    /// The field's value, trimmed. A multi-line value keeps the space that starts each continuation line; read it with
    /// [`lines`](Self::lines).
    pub fn get(&self, name: &str) -> Option<&'t str> {
        self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The lines of a field's value, trimmed, without empty lines and comments; no lines if the field is missing.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = &'t str> {
        let value = self.get(name).unwrap_or("");
        value.lines().filter(|line| !line.starts_with('#')).map(str::trim).filter(|line| !line.is_empty())
    }

    /// The words of a field's value, across its lines.
    pub fn words(&self, name: &str) -> impl Iterator<Item = &'t str> {
        self.lines(name).flat_map(str::split_ascii_whitespace)
    }

    /// The field's value; [`Error::Field`] of `subject` if it is missing or empty.
    pub(crate) fn require(&self, subject: &str, name: &'static str) -> Result<&'t str, Error> {
        match self.get(name) {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(Error::field(subject, name, "it is missing")),
        }
    }
}

/// The paragraphs of `text`; `name` is the text's in errors. Lines that start with `#` are comments. After an error
/// the iterator ends.
pub fn paragraphs<'t>(name: &'t str, text: &'t str) -> impl Iterator<Item = Result<Paragraph<'t>, Error>> {
    Parser { name, text, at: 0, line: 0 }
}

struct Parser<'t> {
    name: &'t str,
    text: &'t str,
    /// The offset of the next line, in bytes.
    at: usize,
    /// The number of the last line that was read, from 1.
    line: usize,
}

impl<'t> Parser<'t> {
    /// The next line without its end, and its offset.
    fn next_line(&mut self) -> Option<(usize, &'t str)> {
        let start = self.at;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at = (start + length + 1).min(self.text.len());
        self.line += 1;
        Some((start, &rest[..length]))
    }

    fn paragraph(&mut self) -> Result<Option<Paragraph<'t>>, Error> {
        // Each field's name, and the offsets where its value starts and ends so far.
        let mut fields: Vec<(&'t str, usize, usize)> = Vec::with_capacity(24);
        while let Some((start, line)) = self.next_line() {
            if line.trim().is_empty() {
                if fields.is_empty() {
                    continue;
                }
                break;
            }
            if line.starts_with('#') {
                continue;
            }
            if line.starts_with([' ', '\t']) {
                let Some(field) = fields.last_mut() else {
                    return Err(self.error("a continuation line before any field"));
                };
                field.2 = start + line.len();
                continue;
            }
            let (name, value) =
                line.split_once(':').ok_or_else(|| self.error("a field needs a colon after its name"))?;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(self.error("a field's name must be printable ASCII"));
            }
            if fields.len() == MAX_FIELDS || fields.iter().any(|field| field.0.eq_ignore_ascii_case(name)) {
                return Err(
                    self.error(&format!("the field `{name}` is repeated, or there are more than {MAX_FIELDS} fields"))
                );
            }
            fields.push((name, start + line.len() - value.len(), start + line.len()));
        }
        let fields = fields.into_iter().map(|(name, from, to)| (name, self.text[from..to].trim())).collect::<Vec<_>>();
        Ok((!fields.is_empty()).then_some(Paragraph { fields }))
    }

    fn error(&self, why: &str) -> Error {
        Error::Syntax { name: self.name.to_owned(), line: self.line, why: why.to_owned() }
    }
}

impl<'t> Iterator for Parser<'t> {
    type Item = Result<Paragraph<'t>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let paragraph = self.paragraph();
        if paragraph.is_err() {
            self.at = self.text.len();
        }
        paragraph.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paragraphs_have_fields_and_continuations() {
        let text =
            "\n# a comment\nPackage: a\nDescription: short\n long\n .\n# in between\n\tmore\n\n\nPackage:b\nEmpty:\n";
        let found: Vec<_> = paragraphs("x", text).collect::<Result<_, _>>().unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].get("package"), Some("a"));
        assert_eq!(found[0].lines("Description").collect::<Vec<_>>(), ["short", "long", ".", "more"]);
        assert_eq!(found[1].get("Package"), Some("b"));
        assert_eq!(found[1].get("Empty"), Some(""));
        assert_eq!(found[1].get("Missing"), None);
    }

    #[test]
    fn syntax_error_names_the_line() {
        let cases = [
            ("Package a\n", "failed to parse line 1 of `x`: a field needs a colon after its name"),
            ("\n a\n", "failed to parse line 2 of `x`: a continuation line before any field"),
            (
                "A: b\na: c\n",
                "failed to parse line 2 of `x`: the field `a` is repeated, or there are more than 256 fields",
            ),
            ("ü: b\n", "failed to parse line 1 of `x`: a field's name must be printable ASCII"),
        ];
        for (text, expected) in cases {
            let error = paragraphs("x", text).find_map(Result::err).unwrap();
            assert_eq!(error.to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn parser_ends_on_any_text(text in "[a-c:# \\t\\n\\rü]{0,80}") {
            let count = paragraphs("x", &text).count();
            prop_assert!(count <= text.lines().count());
        }
    }
}
