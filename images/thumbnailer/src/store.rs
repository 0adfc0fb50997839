//! Counts, kept in SQLite so that they outlive the container.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use serde::Serialize;

use crate::thumbnail::Format;

/// The name of the database below the data folder.
const FILE: &str = "stats.sqlite";

/// The longest wait of a write for another container on the same volume.
const BUSY: Duration = Duration::from_secs(5);

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID";

const ADD: &str =
    "INSERT INTO counts (name, count) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count";

/// The response of `GET /stats`. All counts start with the creation of the data folder.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Stats {
    /// Thumbnails made of JPEG files.
    pub(crate) jpeg: i64,
    /// Thumbnails made of PNG files.
    pub(crate) png: i64,
    /// Requests for a thumbnail that got none.
    pub(crate) refused: i64,
    /// Bytes of the files that thumbnails were made of.
    pub(crate) bytes_received: i64,
    /// Bytes of the thumbnails.
    pub(crate) bytes_sent: i64,
}

/// The outcome of a request for a thumbnail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    /// A thumbnail was made.
    Made {
        /// Of what.
        format: Format,
        /// Bytes of the file.
        received: usize,
        /// Bytes of the thumbnail.
        sent: usize,
    },
    /// The request got a reason instead.
    Refused,
}

/// The database, for any number of threads. There is no connection once it is closed.
pub(crate) struct Store(Mutex<Option<Connection>>);

impl Store {
    /// Opens the database below a folder, and makes it if it is not there.
    ///
    /// # Errors
    /// SQLite's own: the folder cannot be written, the file is no database, …
    pub(crate) fn open(folder: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(folder.join(FILE))?;
        connection.busy_timeout(BUSY)?;
        // A write-ahead log makes a commit one append; NORMAL may lose the last counts when the power fails, no more.
        // Temporary tables stay in memory, for there may be no folder to write but this one.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.execute(SCHEMA, ())?;
        Ok(Self(Mutex::new(Some(connection))))
    }

    /// Adds an outcome to the counts. After [`Store::close`] it is dropped silently.
    ///
    /// # Errors
    /// SQLite's own: the disk is full, …
    pub(crate) fn record(&self, outcome: Outcome) -> rusqlite::Result<()> {
        let mut connection = self.lock();
        let Some(connection) = connection.as_mut() else {
            return Ok(());
        };
        let transaction = connection.transaction()?;
        {
            let mut add = transaction.prepare(ADD)?;
            let mut add = |name: &str, count: usize| add.execute((name, i64::try_from(count).unwrap_or(i64::MAX)));
            match outcome {
                Outcome::Refused => add("refused", 1)?,
                Outcome::Made { format, received, sent } => {
                    add(if format == Format::Jpeg { "jpeg" } else { "png" }, 1)?;
                    add("bytes_received", received)?;
                    add("bytes_sent", sent)?
                }
            };
        }
        transaction.commit()
    }

    /// All counts; zeros after [`Store::close`].
    ///
    /// # Errors
    /// SQLite's own.
    pub(crate) fn stats(&self) -> rusqlite::Result<Stats> {
        let mut stats = Stats::default();
        let connection = self.lock();
        let Some(connection) = connection.as_ref() else {
            return Ok(stats);
        };
        let mut select = connection.prepare("SELECT name, count FROM counts")?;
        let mut rows = select.query(())?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let place = match name.as_str() {
                "jpeg" => &mut stats.jpeg,
                "png" => &mut stats.png,
                "refused" => &mut stats.refused,
                "bytes_received" => &mut stats.bytes_received,
                "bytes_sent" => &mut stats.bytes_sent,
                _ => continue,
            };
            *place = row.get(1)?;
        }
        Ok(stats)
    }

    /// Writes the log back into the database and removes it. Waits for a write that is under way.
    ///
    /// # Errors
    /// SQLite's own; the counts are safe in the log then.
    pub(crate) fn close(&self) -> rusqlite::Result<()> {
        let connection = self.lock().take();
        connection.map_or(Ok(()), |connection| connection.close().map_err(|(_, error)| error))
    }

    /// A thread that panicked while it held the lock has left no half of a transaction behind: SQLite rolls back.
    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.stats().unwrap(), Stats::default());
        store.record(Outcome::Made { format: Format::Jpeg, received: 100, sent: 10 }).unwrap();
        store.record(Outcome::Made { format: Format::Png, received: 50, sent: 5 }).unwrap();
        store.record(Outcome::Refused).unwrap();
        store.record(Outcome::Refused).unwrap();
        let expected = Stats { jpeg: 1, png: 1, refused: 2, bytes_received: 150, bytes_sent: 15 };
        assert_eq!(store.stats().unwrap(), expected);
        store.close().unwrap();
        store.record(Outcome::Refused).unwrap();

        let names: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [FILE], "a clean close leaves no log");
        assert_eq!(Store::open(folder.path()).unwrap().stats().unwrap(), expected);
    }

    #[test]
    fn text_file_is_refused_as_database() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "certainly not a database file").unwrap();
        assert!(Store::open(folder.path()).is_err());
        assert!(Store::open(&folder.path().join("missing")).is_err());
    }
}
