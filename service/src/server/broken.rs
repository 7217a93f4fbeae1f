//! Broken answers: the faults of mocks. hyper writes the whole answer, and the stream drops parts of it.

use crate::domain::Fault;

/// How an answer breaks. In the extensions of the response.
#[derive(Debug, Clone, Copy)]
pub struct Broken {
    pub fault: Fault,
    /// Bytes of the content as sent: none after HEAD.
    pub body_bytes: usize,
}

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

impl Broken {
    /// The number of bytes that leave, if `first` begins with the whole head.
    pub fn left(&self, first: &[u8]) -> usize {
        if self.fault != Fault::Truncate {
            return 0;
        }
        let head = first.windows(END.len()).position(|bytes| bytes == END).map_or(first.len(), |end| end + END.len());
        if self.body_bytes == 0 { head / 2 } else { head + self.body_bytes / 2 }
    }
}

/// Bytes that begin no answer in HTTP: none of them is ASCII.
pub fn garbage() -> [u8; 32] {
    rand::random::<[u8; 32]>().map(|byte| byte | 0x80)
}
