//! Copies files into and out of containers, and images out of the daemon, as tar streams. Copying also works on a container
//! that never started, and includes its volumes.

use std::io::{self, Read};

use bollard::errors::Error as Client;
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use crate::reference::{check_name, check_reference};
use crate::transfer::DEPTH;
use crate::{Docker, Error};

/// A tar stream from the daemon. An early drop ends the request.
pub struct Download {
    docker: Docker,
    action: String,
    current: Bytes,
    receiver: mpsc::Receiver<Result<Bytes, Client>>,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Download").field("action", &self.action).finish_non_exhaustive()
    }
}

impl Download {
    /// Receives the next piece. An empty piece means the end.
    fn advance(&mut self) -> Result<(), Error> {
        let next = match self.receiver.try_recv() {
            Ok(next) => Some(next),
            Err(_) => self.docker.wait_for(self.receiver.recv())?,
        };
        self.current = match next {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => return Err(Error::from_client(&self.action, error)),
            None => Bytes::new(),
        };
        Ok(())
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.current.has_remaining() {
            // Never `io::ErrorKind::Interrupted`: readers would retry.
            self.advance().map_err(io::Error::other)?;
        }
        let length = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Passes on the daemon's pieces until the receiver is dropped.
async fn forward(stream: impl Stream<Item = Result<Bytes, Client>>, sender: mpsc::Sender<Result<Bytes, Client>>) {
    let mut stream = std::pin::pin!(stream);
    while let Some(piece) = stream.next().await {
        let failed = piece.is_err();
        if sender.send(piece).await.is_err() || failed {
            break;
        }
    }
}

impl Docker {
    /// Reads a file or folder of a container as a tar stream whose names begin with the path's last component. For a path that
    /// ends in `/.`, the stream has the folder's content; its names begin with `./`, except from Podman.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such a container or path. Later errors are [`io::Error`]s that hold an [`Error`].
    pub fn copy_out(&self, container: &str, path: &str) -> Result<Download, Error> {
        check_name(container, "a container name")?;
        self.check_interrupted()?;
        let action = format!("read `{path}` of the container `{container}`");
        let (sender, receiver) = mpsc::channel(DEPTH);
        let (client, container) = (self.client().clone(), container.to_owned());
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        self.runtime().spawn(async move {
            forward(client.download_from_container(&container, Some(options)), sender).await;
        });
        self.download(action, receiver)
    }

    /// Reads all files of a container, running or not, as a tar stream, without its volumes.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such a container. Later errors are [`io::Error`]s that hold an [`Error`].
    pub fn export(&self, container: &str) -> Result<Download, Error> {
        check_name(container, "a container name")?;
        self.check_interrupted()?;
        let (sender, receiver) = mpsc::channel(DEPTH);
        let (client, name) = (self.client().clone(), container.to_owned());
        self.runtime().spawn(async move {
            forward(client.export_container(&name), sender).await;
        });
        self.download(format!("export the container `{container}`"), receiver)
    }

    /// Whether a container has a file or folder of this path. Follows links, except for the last component.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such a container.
    pub fn path_exists(&self, container: &str, path: &str) -> Result<bool, Error> {
        check_name(container, "a container name")?;
        let action = || format!("look for `{path}` in the container `{container}`");
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        match self.request(action, self.client().get_container_archive_info(container, Some(options))) {
            Ok(_) => Ok(true),
            // Without the container, the answer is the same and has no body.
            Err(error @ Error::NotFound { .. }) => match self.state(container)? {
                Some(_) => Ok(false),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Reads an image of the daemon, by reference or id, as the archive of `docker save`.
    ///
    /// # Errors
    /// [`Error::NotFound`] or, from Docker, [`Error::Refused`] without such an image. Later errors are [`io::Error`]s that hold
    /// an [`Error`].
    pub fn save(&self, image: &str) -> Result<Download, Error> {
        check_reference(image)?;
        self.check_interrupted()?;
        let (sender, receiver) = mpsc::channel(DEPTH);
        let (client, name) = (self.client().clone(), image.to_owned());
        self.runtime().spawn(async move {
            forward(client.export_image(&name), sender).await;
        });
        self.download(format!("read the image `{image}`"), receiver)
    }

    /// Waits for the first piece, which shows whether the daemon refuses.
    fn download(&self, action: String, receiver: mpsc::Receiver<Result<Bytes, Client>>) -> Result<Download, Error> {
        let mut download = Download { docker: self.clone(), action, current: Bytes::new(), receiver };
        download.advance()?;
        Ok(download)
    }

    /// Unpacks a tar stream (plain, or compressed with gzip, bzip2 or xz) into a folder of a container. Owners and modes
    /// are the stream's. Returns the number of bytes sent.
    ///
    /// # Errors
    /// [`Error::NotFound`] without such a container or folder (Podman creates the folder), [`Error::Read`] for an unreadable
    /// `tar`.
    pub fn copy_in(&self, container: &str, folder: &str, tar: impl Read) -> Result<u64, Error> {
        let container = check_name(container, "a container name")?.to_owned();
        let options = UploadToContainerOptionsBuilder::new().path(folder).no_overwrite_dir_non_dir("1").build();
        let action = || format!("write into `{folder}` of the container `{container}`");
        let name = container.clone();
        let sent = self.upload(action, tar, |client, body| async move {
            client.upload_to_container(&name, Some(options), bollard::body_try_stream(body.into_stream())).await
        });
        sent.map(|((), bytes)| bytes)
    }
}
