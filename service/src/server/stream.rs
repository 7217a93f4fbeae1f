//! The stream of a connection.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    broken::{Broken, garbage},
    connection::Activity,
};
use crate::domain::Fault;

/// A stream that notes when bytes arrive and leave, and closes gently.
pub struct Watched {
    stream: TokioIo<TcpStream>,
    activity: Activity,
    /// Bytes of a broken answer that still leave. `None` before its first byte.
    left: Option<usize>,
}

impl Watched {
    pub fn new(stream: TcpStream, activity: Activity) -> Self {
        Self { stream: TokioIo::new(stream), activity, left: None }
    }

    /// Sends a part of a broken answer, and drops the rest as if it were sent.
    fn poll_write_broken(&mut self, broken: Broken, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut write = |bytes: &[u8]| Pin::new(&mut self.stream).poll_write(cx, bytes);
        let left = match self.left {
            Some(left) => left,
            None if broken.fault == Fault::Garbage => {
                ready!(write(&garbage()))?;
                0
            }
            None => broken.left(bytes),
        };
        let sent = if left == 0 { 0 } else { ready!(write(&bytes[..left.min(bytes.len())]))? };
        self.left = Some(left - sent);
        Poll::Ready(Ok(if left == 0 { bytes.len() } else { sent }))
    }

    fn note(&self, outcome: &Poll<io::Result<usize>>) {
        match outcome {
            Poll::Ready(Ok(bytes)) => self.activity.sent(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.blocked(),
        }
    }
}

impl Read for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if outcome.is_ready() {
            self.activity.received();
        }
        outcome
    }
}

impl Write for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = if let Some(broken) = self.activity.broken() {
            self.poll_write_broken(broken, cx, bytes)
        } else {
            Pin::new(&mut self.stream).poll_write(cx, bytes)
        };
        self.note(&outcome);
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        if outcome.is_ready() {
            self.activity.flushed();
        }
        outcome
    }

    /// Ends the sending side, and reads until the client has closed, too. Otherwise the system would reset the
    /// connection because of unread bytes, and the client would lose the answer (RFC 9112 section 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.activity.broken().is_some_and(|broken| broken.fault == Fault::Reset) {
            // The end of the stream resets the connection.
            return Poll::Ready(self.stream.inner().set_zero_linger());
        }
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        // Polled at each tick, to notice the end of a discarded body.
        while self.activity.reads_on() {
            let mut room = [MaybeUninit::uninit(); 4096];
            let mut discarded = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut self.stream).poll_read(cx, discarded.unfilled()))?;
            if discarded.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.activity.broken().is_some() {
            let first = slices.iter().find(|slice| !slice.is_empty());
            return self.poll_write(cx, first.map_or(&[], |slice| slice));
        }
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(&outcome);
        outcome
    }
}
