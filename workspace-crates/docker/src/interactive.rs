//! Conversations with a container's program: input and output, until its end or a detach.

use std::io;

use bollard::errors::Error as Client;
use bollard::models::ContainerWaitResponse;
use bollard::query_parameters::StartContainerOptions;
use futures_util::future::try_join;
use hyper::body::Incoming;
use hyper::{Method, Response};
use tokio::sync::oneshot;

use crate::input::{Destination, Feeding, Terminal};
use crate::reference::check_name;
use crate::session::{End, Event, Output, Session};
use crate::{
    Answer, ContainerState, ContainerStatus, Docker, Endpoint, Engine, Error, Exit, Input, OutputStream, wire,
};

/// Docker detaches from a terminal after certain bytes, and delays the first of them until the next arrives. That cannot be
/// disabled, so these bytes are ones that nobody sends by accident, and the first is in no UTF-8 text.
const NO_DETACH_KEYS: &str = "%FF,%9B,%E1,%C0,%F7,%8D,%B2,%FE,%A5,%93,%DC,%F9,%86,%C1,%EA,%BF";

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The program has ended.
    Exited(Exit),
    /// [`crate::InputEvent::Detach`] came; the program goes on.
    Detached,
}

impl Ending {
    /// How the program ended, if it has.
    pub fn exit(self) -> Option<Exit> {
        match self {
            Self::Exited(exit) => Some(exit),
            Self::Detached => None,
        }
    }
}

/// The container of a conversation.
pub(crate) struct Partner<'a> {
    pub(crate) id: &'a str,
    /// For errors: "run the container `x`".
    pub(crate) action: String,
    pub(crate) tty: bool,
    pub(crate) start: bool,
}

impl Docker {
    /// Attaches to any container and, if `start`, starts it. Then passes on its output and `input` unchanged, until it ends or
    /// [`crate::InputEvent::Detach`] arrives. The attach precedes the start, so no output is lost. A slow receiver on either
    /// side blocks the other. An error or an interruption does not change the container.
    ///
    /// `output` may call methods of this type, and send input while the channel has room.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] for a stopped container without `start`; those of [`Docker::start`];
    /// [`Error::LostMidway`] if the daemon stops; [`Error::Interrupted`].
    pub fn converse(
        &self,
        container: &str,
        start: bool,
        input: Input,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Ending, Error> {
        check_name(container, "a container name")?;
        let action = format!("{} the container `{container}`", if start { "run" } else { "attach to" });
        let details = self.request(|| action.clone(), self.inspect(container))?;
        let state = ContainerState::from(details.state.unwrap_or_default());
        // An attach to a stopped container is silent.
        if !start && matches!(state.status, ContainerStatus::Created | ContainerStatus::Exited) {
            let source = Answer { status: None, message: "it is not running".to_owned() };
            return Err(Error::Refused { action, source });
        }
        let tty = details.config.and_then(|config| config.tty).unwrap_or(false);
        let id = details.id.as_deref().unwrap_or(container);
        self.talk(Partner { id, action, tty, start }, input, output)
    }

    pub(crate) fn talk(
        &self,
        partner: Partner<'_>,
        input: Input,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Ending, Error> {
        let session = self.request(|| partner.action.clone(), self.attach(&partner, input))?;
        let Some(code) = self.follow(session, &partner.action, output)? else { return Ok(Ending::Detached) };
        // The killed process may be a child, but it is the cause of the failure.
        let oom_killed = code != 0 && self.state(partner.id)?.is_some_and(|state| state.oom_killed);
        Ok(Ending::Exited(Exit { code, oom_killed }))
    }

    async fn attach(&self, partner: &Partner<'_>, input: Input) -> Result<Session, Client> {
        let (endpoint, engine) = (self.endpoint(), self.engine());
        let keys = if engine == Engine::Docker { NO_DETACH_KEYS } else { "" };
        let stdin = u8::from(input.is_some());
        let query = format!("stream=1&stdin={stdin}&stdout=1&stderr=1&detachKeys={keys}");
        let address = format!("/containers/{}/attach?{query}", partner.id);
        // A wait that begins before the start also reports the end of a container that the daemon removes at once.
        let early =
            async { Ok(if partner.start { Some(wait(endpoint, partner.id, "next-exit").await?) } else { None }) };
        // Before the start, so that no output is lost.
        let ((reader, writer), early) = try_join(wire::upgrade(endpoint, &address, None), early).await?;
        if partner.start {
            self.client().start_container(partner.id, None::<StartContainerOptions>).await?;
        }
        let end = exit(endpoint.clone(), partner.id.to_owned(), early);
        let (sender, detached) = oneshot::channel();
        let destination = Destination {
            client: self.client().clone(),
            writer,
            terminal: partner.tty.then(|| Terminal::Container(partner.id.to_owned())),
            detached: sender,
        };
        let feeding = Feeding::start(input, destination);
        Ok(Session::new(Output::new(reader, partner.tty), end, false, detached, feeding))
    }

    /// Passes on output until the program has ended, and returns its exit code; none after a detach.
    pub(crate) fn follow(
        &self,
        mut session: Session,
        action: &str,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Option<i32>, Error> {
        loop {
            let event = self.wait_for(session.next())?;
            match event.map_err(|error| Error::from_client(action, error).midway())? {
                // Outside of the runtime, so that `output` may block.
                Event::Output(stream, bytes) => output(stream, &bytes),
                Event::Exited(code) => return Ok(Some(code)),
                Event::Detached => return Ok(None),
            }
        }
    }

    /// Waits for the end of a container. Returns at once if it does not run.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LostMidway`] if the daemon goes away, [`Error::Interrupted`].
    pub fn wait(&self, container: &str) -> Result<Exit, Error> {
        check_name(container, "a container name")?;
        let action = || format!("wait for the container `{container}`");
        let code =
            self.request(action, exit(self.endpoint().clone(), container.to_owned(), None)).map_err(Error::midway)?;
        let oom_killed = code != 0 && self.state(container)?.is_some_and(|state| state.oom_killed);
        Ok(Exit { code, oom_killed })
    }
}

/// Begins to wait for a container. The answer begins once the daemon waits.
async fn wait(endpoint: &Endpoint, id: &str, condition: &str) -> Result<Response<Incoming>, Client> {
    let address = format!("/containers/{id}/wait?condition={condition}");
    wire::send(endpoint, wire::request(Method::POST, &address, None)?).await
}

/// Returns the exit code of a started container. `begun` is a wait for it.
fn exit(endpoint: Endpoint, id: String, begun: Option<Response<Incoming>>) -> End {
    Box::pin(async move {
        let response = match begun {
            Some(response) => response,
            // The daemon answers "not-running" at once for an ended container, but never answers "next-exit".
            None => wait(&endpoint, &id, "not-running").await?,
        };
        let body = wire::read(response).await?;
        if body.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let answer: ContainerWaitResponse = serde_json::from_slice(&body)?;
        match answer.error.and_then(|error| error.message).filter(|message| !message.is_empty()) {
            Some(error) => Err(Client::DockerStreamError { error }),
            None => Ok(exit_code(answer.status_code)),
        }
    })
}

pub(crate) fn exit_code(code: i64) -> i32 {
    i32::try_from(code).unwrap_or(i32::MAX)
}
