//! Server-sent events: the data of each, however the bytes are cut into pieces.

use crate::{Error, Result};

/// The largest event, in bytes: one holds a few words of an answer.
const EVENT_MAX_BYTES: usize = 256 * 1024;

/// Gathers lines into events, as the HTML standard has it ("Interpreting an event stream").
#[derive(Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_return: bool,
}

impl Events {
    /// The data of the events that end in these bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        for &byte in bytes {
            // Return and line feed together end one line, also when a piece ends between them.
            let is_second = std::mem::take(&mut self.after_return) && byte == b'\n';
            match byte {
                _ if is_second => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    found.extend(self.end_line());
                }
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > EVENT_MAX_BYTES {
                let why = format!("an event is larger than {EVENT_MAX_BYTES} bytes");
                return Err(Error::failed("chat_too_large", why));
            }
        }
        Ok(found)
    }

    /// What a server that ends without an empty line has left.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        self.end_line().or_else(|| self.data.take())
    }

    /// Takes a line; the data of an event when it was the empty one at its end.
    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.data.take();
        }
        // Comments, and fields that say nothing about an answer, are passed over.
        let value = line.strip_prefix(b"data:")?;
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = ": hello\r\nevent: x\ndata: {\"a\":\r\ndata:\"日本\"}\r\n\r\ndata: b\r\rid: 1\n\n\
                        data: [DONE]\n\n";

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let mut events = Events::default();
        let found = pieces.iter().flat_map(|piece| events.push(piece).unwrap());
        found.map(|data| String::from_utf8(data).unwrap()).collect()
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let bytes = TEXT.as_bytes();
        let whole = read(&[bytes]);
        assert_eq!(whole, ["{\"a\":\n\"日本\"}", "b", "[DONE]"]);
        for at in 0..bytes.len() {
            assert_eq!(read(&[&bytes[..at], &bytes[at..]]), whole, "cut at {at}");
        }
        let each: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&each), whole);
    }

    #[test]
    fn what_is_left_at_the_end_is_given_and_what_is_too_large_refused() {
        let mut events = Events::default();
        assert!(events.push(b"data: x\ndata: y").unwrap().is_empty());
        assert_eq!(events.finish().or_else(|| events.finish()).unwrap(), b"x\ny");
        assert!(events.finish().is_none());
        let large = vec![b'x'; EVENT_MAX_BYTES + 1];
        assert_eq!(events.push(&large).unwrap_err().code(), "chat_too_large");
    }
}
