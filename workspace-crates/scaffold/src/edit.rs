//! Insertions into a TOML file that a user keeps: comments, order and spaces stay.
//!
//! The result is parsed again after each insertion. It must have the old values and the added one, or nothing changes.

use camino::Utf8PathBuf;
use toml::{Table, Value};
use toml_edit::{Array, DocumentMut, Item};

use crate::Error;
use crate::formatting::{insert_last, push_last};

/// A TOML file during edits.
pub(crate) struct Edit {
    file: Utf8PathBuf,
    text: String,
    table: Table,
}

impl Edit {
    /// # Errors
    /// [`Error::Syntax`]
    pub(crate) fn new(file: impl Into<Utf8PathBuf>, text: &str) -> Result<Edit, Error> {
        let file = file.into();
        match text.parse() {
            Ok(table) => Ok(Edit { file, text: text.to_owned(), table }),
            Err(error) => Err(syntax(file, &error)),
        }
    }

    /// The value at a path of keys.
    pub(crate) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.table.get(*first)?, |value, key| value.get(*key))
    }

    /// The whole text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Appends tables to the end of the file.
    ///
    /// # Errors
    /// [`Error::Form`] if the file has one of their keys.
    pub(crate) fn append(&mut self, tables: &str) -> Result<(), Error> {
        let expected = self.expected(tables, tables)?;
        let gap = match &self.text {
            text if text.is_empty() => "",
            text if text.ends_with('\n') => "\n",
            _ => "\n\n",
        };
        let text = self.text.clone() + &self.with_line_ends(format!("{gap}{tables}"));
        let first = tables.lines().find_map(|line| line.strip_prefix('[')?.split(']').next());
        self.accept(text, &expected, first.unwrap_or_default(), tables)
    }

    /// Inserts a key at the end of a table. Appends the table where the file has no header for it.
    ///
    /// # Errors
    /// [`Error::Form`] if the file has the key, or something other than a table at the path.
    pub(crate) fn insert(&mut self, path: &[&str], key: &str, value: impl Into<toml_edit::Value>) -> Result<(), Error> {
        let value = value.into();
        let dotted = path.join(".");
        let line = format!("{key} = {value}\n");
        let tables = format!("[{dotted}]\n{line}");
        let mut document = self.document(&dotted, &line)?;
        let Some(table) = item_at(&mut document, path).filter(|item| has_header(item)) else {
            return self.append(&tables);
        };
        let expected = self.expected(&tables, &line)?;
        insert_last(table, key, value);
        self.accept(self.rendered(&document), &expected, &dotted, &line)
    }

    /// Appends an item to the list at a key of a table. Adds the list and the table where they are missing.
    ///
    /// # Errors
    /// [`Error::Form`] if the key has something other than a list.
    pub(crate) fn push(&mut self, table: &[&str], key: &str, new: impl Into<toml_edit::Value>) -> Result<(), Error> {
        let path = [table, &[key]].concat();
        let (dotted, new) = (path.join("."), new.into());
        if self.get(&path).is_none() {
            return self.insert(table, key, Array::from_iter([new]));
        }
        let shown = new.to_string();
        let mut document = self.document(&dotted, &shown)?;
        let list = item_at(&mut document, &path).and_then(Item::as_array_mut);
        push_last(list.ok_or_else(|| self.form(&dotted, &shown))?, new);
        let mut expected = self.table.clone();
        if let Some(list) = list_at(&mut expected, &path) {
            list.extend(self.parsed(&format!("new = {shown}\n"))?.remove("new"));
        }
        self.accept(self.rendered(&document), &expected, &dotted, &shown)
    }

    /// The table of the whole file with these tables in it.
    fn expected(&self, tables: &str, shown: &str) -> Result<Table, Error> {
        let mut expected = self.table.clone();
        merge(&mut expected, self.parsed(tables)?).map_err(|key| self.form(&key, shown))?;
        Ok(expected)
    }

    fn parsed(&self, text: &str) -> Result<Table, Error> {
        text.parse().map_err(|error| syntax(self.file.clone(), &error))
    }

    /// The file in the form that can be edited. Fails if toml_edit writes the unchanged file in another way.
    fn document(&self, key: &str, shown: &str) -> Result<DocumentMut, Error> {
        let document = self.text.parse::<DocumentMut>().ok();
        // Only a missing line end at the end of the file may be added.
        let added = |document: &DocumentMut| self.rendered(document).strip_prefix(&self.text).map(str::to_owned);
        let is_same = |document: &DocumentMut| added(document).is_some_and(|end| end.trim_end().is_empty());
        document.filter(is_same).ok_or_else(|| self.form(key, shown))
    }

    fn rendered(&self, document: &DocumentMut) -> String {
        self.with_line_ends(document.to_string())
    }

    /// Replaces line feeds, the only line ends of toml_edit, with the file's own.
    fn with_line_ends(&self, text: String) -> String {
        if self.text.contains("\r\n") { text.replace('\n', "\r\n") } else { text }
    }

    /// Takes a new text if it has the expected values.
    fn accept(&mut self, text: String, expected: &Table, key: &str, shown: &str) -> Result<(), Error> {
        match text.parse::<Table>() {
            Ok(table) if table == *expected => {
                (self.text, self.table) = (text, table);
                Ok(())
            }
            _ => Err(self.form(key, shown)),
        }
    }

    fn form(&self, key: &str, text: &str) -> Error {
        let text = text.trim_end().replace('\n', "\n  ");
        Error::Form { file: self.file.clone(), key: key.to_owned(), text }
    }
}

/// Returns a string in the quotes of TOML.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn syntax(file: Utf8PathBuf, error: &toml::de::Error) -> Error {
    Error::Syntax { file, reason: error.message().to_owned() }
}

/// Adds the missing values; fails with the dotted key of the first that is there.
fn merge(table: &mut Table, added: Table) -> Result<(), String> {
    for (key, value) in added {
        match (table.get_mut(&key), value) {
            (None, value) => {
                table.insert(key, value);
            }
            (Some(Value::Table(table)), Value::Table(added)) => {
                merge(table, added).map_err(|inner| format!("{key}.{inner}"))?;
            }
            _ => return Err(key),
        }
    }
    Ok(())
}

fn list_at<'t>(table: &'t mut Table, path: &[&str]) -> Option<&'t mut Vec<Value>> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get_mut(*first)?, |value, key| value.get_mut(*key))?.as_array_mut()
}

fn item_at<'d>(document: &'d mut DocumentMut, path: &[&str]) -> Option<&'d mut Item> {
    path.iter().try_fold(document.as_item_mut(), |item, key| item.as_table_like_mut()?.get_mut(key))
}

/// Whether a key can be inserted: not into a table that exists only because the file has tables inside of it.
fn has_header(item: &Item) -> bool {
    item.is_table_like() && item.as_table().is_none_or(|table| !table.is_implicit() || table.is_dotted())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Edit) -> Result<(), Error>;

    fn edited(text: &str, change: Change) -> Result<String, String> {
        let mut edit = Edit::new("Cargo.toml", text).map_err(|error| error.to_string())?;
        change(&mut edit).map_err(|error| error.to_string())?;
        Ok(edit.into_text())
    }

    const PUSH: Change = |edit| edit.push(&["workspace"], "members", "x");

    #[test]
    fn pushed_item_follows_the_list() {
        for (before, after) in [
            ("", "[workspace]\nmembers = [\"x\"]\n"),
            ("a = 1", "a = 1\n\n[workspace]\nmembers = [\"x\"]\n"),
            ("a = 1\n", "a = 1\n\n[workspace]\nmembers = [\"x\"]\n"),
            ("[workspace]", "[workspace]\nmembers = [\"x\"]\n"),
            ("[ workspace ] # ours\nresolver = \"3\"\n", "[ workspace ] # ours\nresolver = \"3\"\nmembers = [\"x\"]\n"),
            ("[workspace.metadata]\na = 1\n", "[workspace.metadata]\na = 1\n\n[workspace]\nmembers = [\"x\"]\n"),
            ("workspace.members = [ ]\n", "workspace.members = [\"x\" ]\n"),
            ("[workspace]\nmembers = ['a'] # c\n", "[workspace]\nmembers = ['a', \"x\"] # c\n"),
            ("[workspace]\nmembers = [ 'a' ]\n", "[workspace]\nmembers = [ 'a', \"x\" ]\n"),
            ("workspace = { members = [\"a\",] }\n", "workspace = { members = [\"a\", \"x\",] }\n"),
            (
                "[workspace]\nmembers = [\n  \"a\", # , c\n]\n",
                "[workspace]\nmembers = [\n  \"a\", # , c\n  \"x\",\n]\n",
            ),
            (
                "[workspace]\nmembers = [\n\t\"a\" # , c\n\t# d\n]\n",
                "[workspace]\nmembers = [\n\t\"a\", # , c\n\t\"x\"\n\t# d\n]\n",
            ),
            (
                "[workspace]\nmembers = [\n  # b\n  \"a\", \"b\",\n]\n",
                "[workspace]\nmembers = [\n  # b\n  \"a\", \"b\",\n  \"x\",\n]\n",
            ),
            ("[workspace]\nmembers = [\"a\",\n]\n", "[workspace]\nmembers = [\"a\",\n    \"x\",\n]\n"),
            ("[workspace]\nmembers = [\n  # none\n]\n", "[workspace]\nmembers = [\n  # none\n    \"x\",\n]\n"),
            ("[workspace]\r\nmembers = []\r\n", "[workspace]\r\nmembers = [\"x\"]\r\n"),
            ("a = 1\r\n", "a = 1\r\n\r\n[workspace]\r\nmembers = [\"x\"]\r\n"),
            (
                "s = \"\"\"\n[workspace]\n\"\"\"\n[workspace]\nresolver = \"3\"\n# end\n",
                "s = \"\"\"\n[workspace]\n\"\"\"\n[workspace]\nresolver = \"3\"\nmembers = [\"x\"]\n# end\n",
            ),
            // With one kind of line ends, a line of the user would change.
            ("[workspace]\r\nmembers = []\n", "refused"),
        ] {
            assert_eq!(edited(before, PUSH).unwrap_or("refused".into()), after, "{before}");
        }
    }

    #[test]
    fn values_of_another_form_are_refused() {
        let cases: [(&str, Change, &str); 5] = [
            (
                "workspace = 1",
                PUSH,
                "failed to add this to `Cargo.toml`, because `workspace` has another form there:\n  [workspace]\n  members = \
                 [\"x\"]",
            ),
            (
                "[workspace]\nmembers = 1\n",
                PUSH,
                "failed to add this to `Cargo.toml`, because `workspace.members` has another form there:\n  \"x\"",
            ),
            (
                "[[workspace.members]]\n",
                PUSH,
                "failed to add this to `Cargo.toml`, because `workspace.members` has another form there:\n  \"x\"",
            ),
            (
                "[alias]\nxtask = 1\n",
                |edit| edit.insert(&["alias"], "xtask", "run"),
                "failed to add this to `Cargo.toml`, because `alias.xtask` has another form there:\n  xtask = \"run\"",
            ),
            ("= 1", PUSH, "failed to edit `Cargo.toml`: it is not TOML: "),
        ];
        for (before, change, message) in cases {
            let error = edited(before, change).expect_err(message);
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn key_is_inserted_last() {
        let insert: Change = |edit| edit.insert(&["alias"], "xtask", "run");
        for (before, after) in [
            ("[alias]\n# Short.\nb = \"build\" # c\n", "[alias]\n# Short.\nb = \"build\" # c\nxtask = \"run\"\n"),
            ("[alias]\nb = \"b\"\n\n# of net\n[net]\n", "[alias]\nb = \"b\"\nxtask = \"run\"\n\n# of net\n[net]\n"),
            ("alias = { b = \"build\" } # c\n", "alias = { b = \"build\", xtask = \"run\" } # c\n"),
            ("alias = {}\n", "alias = { xtask = \"run\" }\n"),
            ("alias.b = \"build\"\nc = 1\n", "alias.b = \"build\"\nalias.xtask = \"run\"\nc = 1\n"),
        ] {
            assert_eq!(edited(before, insert).as_deref(), Ok(after), "{before}");
        }
    }

    #[test]
    fn tables_are_appended_with_their_comments() {
        let append: Change = |edit| edit.append("# of p\n[profile.p]\ninherits = \"dev\"\n");
        assert_eq!(edited("", append).as_deref(), Ok("# of p\n[profile.p]\ninherits = \"dev\"\n"));
        let before = "[profile.release]\nlto = true\n";
        assert_eq!(edited(before, append), Ok(format!("{before}\n# of p\n[profile.p]\ninherits = \"dev\"\n")));
        assert!(edited("[profile.p]\ninherits = \"dev\"\n", append).is_err());
    }
}
