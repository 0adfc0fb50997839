//! The logs of containers that the daemon keeps.

use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::Method;

use crate::demultiplex::Demultiplexer;
use crate::reference::check_name;
use crate::{Docker, Error, OutputStream, wire};

impl Docker {
    /// Reads the output of a container so far: all of it, or the last `tail` lines, each with its time (RFC 3339) if
    /// `timestamps` is set. `output` may call methods of this type.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] if the daemon keeps no log, as for containers of [`Docker::run`].
    pub fn log(
        &self,
        container: &str,
        tail: Option<usize>,
        timestamps: bool,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<(), Error> {
        check_name(container, "a container name")?;
        let action = || format!("read the log of the container `{container}`");
        let tty = self.request(action, self.inspect(container))?.config.and_then(|config| config.tty).unwrap_or(false);
        let tail = tail.map_or("all".to_owned(), |lines| lines.to_string());
        let address = format!("/containers/{container}/logs?stdout=1&stderr=1&tail={tail}&timestamps={timestamps}");
        let mut body = self
            .request(action, async { wire::send(self.endpoint(), wire::request(Method::GET, &address, None)?).await })?
            .into_body();
        let (mut demultiplexer, mut buffer) = (Demultiplexer::new(tty), BytesMut::new());
        while let Some(frame) = self.wait_for(body.frame())? {
            let frame = frame.map_err(|error| Error::from_client(action(), error.into()))?;
            let Ok(data) = frame.into_data() else { continue };
            buffer.extend_from_slice(&data);
            loop {
                let piece = demultiplexer.next(&mut buffer);
                match piece.map_err(|error| Error::from_client(action(), error.into()))? {
                    Some((stream, bytes)) => output(stream, &bytes),
                    None => break,
                }
            }
        }
        Ok(())
    }
}
