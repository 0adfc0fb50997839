//! Input of programs and requests.

use tierce_builders::workspace::declared;
use tierce_manifest::TestInput;
use tierce_store::Error;

/// The bytes of a program's input or a request's body.
pub(crate) fn input_bytes(input: &TestInput) -> Result<Vec<u8>, Error> {
    match input {
        TestInput::Text(text) => Ok(text.clone().into_bytes()),
        TestInput::File(path) => {
            let host = declared::file(path)?;
            tierce_bounded::bytes(&host, &tierce_bounded::ARTIFACT).map_err(|error| Error::file("read", &host, error))
        }
    }
}
