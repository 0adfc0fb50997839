//! The origin of an image that another tool made: its author and its history.

use serde::{Deserialize, Serialize};

use crate::Error;

/// One step in the history of an image, as its config has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The time, as the other tool wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Whether the step made no layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

/// The origin of an image that another tool made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The steps that made it, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
}

impl Origin {
    /// Reads the origin from an image's config. `null` counts as absent: tools in Go write it.
    ///
    /// # Errors
    /// [`Error::Config`] for another document.
    pub fn of_config(config: &[u8]) -> Result<Origin, Error> {
        #[derive(Deserialize)]
        struct Document {
            author: Option<String>,
            history: Option<Vec<HistoryEntry>>,
        }
        let document: Document = serde_json::from_slice(config).map_err(|source| Error::Config { source })?;
        let author = document.author.filter(|author| !author.is_empty());
        Ok(Origin { author, history: document.history.unwrap_or_default() })
    }

    /// The history, if it has a step for each of so many layers. Other histories say nothing about the layers.
    pub(crate) fn history_of(&self, layers: usize) -> Option<&[HistoryEntry]> {
        let making = self.history.iter().filter(|entry| !entry.empty_layer).count();
        (making == layers && layers > 0).then_some(self.history.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_of_other_tools_is_read() {
        let config = br#"{"author":"Ada","created":"2024-01-01T00:00:00Z","history":[
            {"created":"2024-01-01T00:00:00.5Z","created_by":"ADD rootfs.tar /","comment":"buildkit"},
            {"created":"2024-01-02T00:00:00+01:00","created_by":"CMD [\"sh\"]","empty_layer":true}]}"#;
        let origin = Origin::of_config(config).unwrap();
        assert_eq!(origin.author.as_deref(), Some("Ada"));
        let entries: Vec<_> =
            origin.history.iter().map(|entry| (entry.created_by.as_deref(), entry.empty_layer)).collect();
        assert_eq!(entries, [(Some("ADD rootfs.tar /"), false), (Some("CMD [\"sh\"]"), true)]);
        assert_eq!(origin.history[0].created.as_deref(), Some("2024-01-01T00:00:00.5Z"));
        assert!(origin.history_of(1).is_some() && origin.history_of(2).is_none() && origin.history_of(0).is_none());
        for empty in ["{}", r#"{"author":"","history":null}"#] {
            assert_eq!(Origin::of_config(empty.as_bytes()).unwrap(), Origin::default());
        }
        assert!(Origin::of_config(b"[").is_err());
    }
}
