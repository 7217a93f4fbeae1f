//! The signals that end the service: the first one asks for a graceful end, a later SIGINT insists on it.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, timeout_at},
};

/// A SIGINT that comes again so soon is the same one: a terminal and a program such as npm both pass it on.
const REPEAT: Duration = Duration::from_secs(1);

/// Listens from its creation on, so that a signal during the start is not lost.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// The signal that has asked for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Terminate,
    Interrupt,
}

impl Signals {
    /// Within a runtime.
    pub fn listen() -> io::Result<Self> {
        // Caught for good by being asked for once: a terminal that closes does not end the service.
        let _ = signal(SignalKind::hangup())?;
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for SIGTERM or SIGINT.
    pub async fn asked(&mut self) -> Ask {
        tokio::select! {
            _ = self.terminate.recv() => Ask::Terminate,
            _ = self.interrupt.recv() => Ask::Interrupt,
        }
    }

    /// Waits for a SIGINT that means it. Another SIGTERM changes nothing: GNU timeout and others send it twice.
    pub async fn insisted(&mut self, first: Ask) {
        if first == Ask::Interrupt {
            let end = Instant::now() + REPEAT;
            while timeout_at(end, self.interrupt.recv()).await.is_ok() {}
        }
        self.interrupt.recv().await;
    }
}
