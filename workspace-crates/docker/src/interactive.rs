//! Conversations: attaching to the program of a container, with its input and output, until it ends or nobody listens.

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

/// Docker leaves a terminal when some bytes are sent to it, cannot be told not to, and holds the first of them back until it
/// has seen the next. So it is told some that nothing sends by chance, and that begin with one that no UTF-8 text has.
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

/// Whom to talk to.
pub(crate) struct Partner<'a> {
    pub(crate) id: &'a str,
    /// For errors: "run the container `x`".
    pub(crate) action: String,
    pub(crate) tty: bool,
    pub(crate) start: bool,
}

impl Docker {
    /// Attaches to a container, own or foreign, and, if `start`, starts it; then passes on what it writes and what
    /// `input` gives, both unchanged, until it ends or [`crate::InputEvent::Detach`] comes. The attaching is complete
    /// before the start, so that nothing is missed. Whoever does not take output, or a program that does not take input,
    /// makes the other side wait. An error or an interruption leaves the container as it is.
    ///
    /// `output` may call methods of this type, and send input as long as there is room.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Refused`] if it is not running or paused and is not to be started, those of
    /// [`Docker::start`]; [`Error::LostMidway`] if the daemon goes away; [`Error::Interrupted`].
    pub fn converse(
        &self,
        container: &str,
        start: bool,
        input: Input,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Ending, Error> {
        check_name(container, "a container name")?;
        let action = format!("{} the container `{container}`", if start { "run" } else { "attach to" });
        let there = self.request(|| action.clone(), self.inspect(container))?;
        let state = ContainerState::from(there.state.unwrap_or_default());
        // Attached to, it would only be silent.
        if !start && matches!(state.status, ContainerStatus::Created | ContainerStatus::Exited) {
            let source = Answer { status: None, message: "it is not running".to_owned() };
            return Err(Error::Refused { action, source });
        }
        let tty = there.config.and_then(|config| config.tty).unwrap_or(false);
        let id = there.id.as_deref().unwrap_or(container);
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
        // A process that was killed for lack of memory need not be the first one, but is why that failed.
        let oom_killed = code != 0 && self.state(partner.id)?.is_some_and(|state| state.oom_killed);
        Ok(Ending::Exited(Exit { code, oom_killed }))
    }

    async fn attach(&self, partner: &Partner<'_>, input: Input) -> Result<Session, Client> {
        let (endpoint, engine) = (self.endpoint(), self.engine());
        let keys = if engine == Engine::Docker { NO_DETACH_KEYS } else { "" };
        let stdin = u8::from(input.is_some());
        let query = format!("stream=1&stdin={stdin}&stdout=1&stderr=1&detachKeys={keys}");
        let address = format!("/containers/{}/attach?{query}", partner.id);
        // The answer begins when the daemon has begun to wait: asked before the start, it tells the end of a container that it
        // removes at once, too.
        let early =
            async { Ok(if partner.start { Some(wait(endpoint, partner.id, "next-exit").await?) } else { None }) };
        // Before the start, so that nothing that is written can be missed.
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

    /// Passes on output until the program has ended: gives its exit code. None if nobody listens any more.
    pub(crate) fn follow(
        &self,
        mut session: Session,
        action: &str,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Option<i32>, Error> {
        loop {
            let event = self.wait_for(session.next())?;
            match event.map_err(|error| Error::from_client(action, error).midway())? {
                // Not within the runtime, so that whoever listens may wait for anything.
                Event::Output(stream, bytes) => output(stream, &bytes),
                Event::Exited(code) => return Ok(Some(code)),
                Event::Detached => return Ok(None),
            }
        }
    }

    /// Waits for the end of a container; at once if it does not run.
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

/// Begins to wait for a container. The answer begins when the daemon does.
async fn wait(endpoint: &Endpoint, id: &str, condition: &str) -> Result<Response<Incoming>, Client> {
    let address = format!("/containers/{id}/wait?condition={condition}");
    wire::send(endpoint, wire::request(Method::POST, &address, None)?).await
}

/// The exit code of a container that was started. `begun` is a wait for it.
fn exit(endpoint: Endpoint, id: String, begun: Option<Response<Incoming>>) -> End {
    Box::pin(async move {
        let response = match begun {
            Some(response) => response,
            // "not-running" is answered at once if the container has ended by now; "next-exit" would not be.
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
