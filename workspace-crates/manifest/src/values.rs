//! The grammars of values: each type holds only values that its specification allows.

mod capabilities;
mod env_file;
mod loopback;
mod names;
mod paths;
mod run;
mod run_time;
mod size;
mod test;

pub use capabilities::FileCapabilities;
pub use env_file::read_env_file;
pub(crate) use loopback::Loopback;
pub use names::{AccountName, ImageName, ImageReference, Tag};
pub(crate) use names::{check_cargo_name, check_url};
pub use paths::{ImagePath, InnerPath};
pub(crate) use paths::{check_link_target, host_path, image_glob};
pub use run::{Mode, Port, Protocol, RunUser, Signal, UserGroup};
pub(crate) use run::{check_label_key, check_no_nul, check_variable_name, duration};
pub use run_time::{CharsetName, LocaleName, ZoneName};
pub use size::ByteSize;
pub use test::{Pattern, TestName};
pub(crate) use test::{check_capability, check_header_name, check_header_value, check_method, check_request_path};

/// Defines a type for a string that passes a check.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the text, as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::error::Fault;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}
pub(crate) use checked_text;
