//! Files into and out of containers, and images out of the daemon, as tar streams. Copying works on a container that was
//! created but not started, and sees its volumes.

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

/// A tar stream that comes from the daemon. Dropped early, it ends the request.
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
    /// Takes the next piece if there is one. An empty current piece afterwards means the end.
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
            // Not io::ErrorKind::Interrupted even when interrupted: readers would try again.
            self.advance().map_err(io::Error::other)?;
        }
        let length = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Hands on what the daemon sends, as long as somebody listens.
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
    /// Reads a file or folder out of a container as a tar stream whose names begin with the path's last component
    /// (a path that ends in `/.` gives the folder's content; names begin with `./` or, from Podman, do not).
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such container or path. Errors later in the stream come as [`io::Error`]s that
    /// hold an [`Error`].
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

    /// Reads all files of a container, running or not, out as a tar stream: those of its image and its own, without its
    /// volumes.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such container. Errors later in the stream come as [`io::Error`]s that hold an
    /// [`Error`].
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

    /// Whether there is a file or folder of this path in a container. Links on the way are followed, a last one is not.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such container.
    pub fn path_exists(&self, container: &str, path: &str) -> Result<bool, Error> {
        check_name(container, "a container name")?;
        let action = || format!("look for `{path}` in the container `{container}`");
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        match self.request(action, self.client().get_container_archive_info(container, Some(options))) {
            Ok(_) => Ok(true),
            // The same answer without a body if there is no container.
            Err(error @ Error::NotFound { .. }) => match self.state(container)? {
                Some(_) => Ok(false),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Reads an image out of the daemon, by reference or id, as the archive that `docker save` writes.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such image, or [`Error::Refused`], which is what Docker says then. Errors later in
    /// the stream come as [`io::Error`]s that hold an [`Error`].
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

    /// A stream of which the first piece has come: whatever was refused is known by then.
    fn download(&self, action: String, receiver: mpsc::Receiver<Result<Bytes, Client>>) -> Result<Download, Error> {
        let mut download = Download { docker: self.clone(), action, current: Bytes::new(), receiver };
        download.advance()?;
        Ok(download)
    }

    /// Unpacks a tar stream (plain, or compressed with gzip, bzip2 or xz) into a folder of a container. Owners and modes
    /// are the stream's. Gives how many bytes were sent.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such container or folder (Podman makes the folder), [`Error::Read`] if `tar` cannot be read.
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
