//! The control protocol: one JSON object per line each way.

use serde::{Deserialize, Serialize};

use crate::name::{InvalidName, Name};

/// Version of the protocol. It grows when a client of the former one would be misunderstood:
/// this process may be older or younger than whoever speaks to it.
pub const PROTOCOL: u32 = 1;

/// Longest reason for a refused line, in characters.
const LONGEST: usize = 200;

/// What a client asks for, e.g. `{"create":{"name":"wgmesh0"}}`.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Request {
    /// A new device, down and without keys. The descriptor of a network namespace may come with
    /// the line: the link is born there.
    Create { name: Name },
    /// Its device, link and UAPI socket go.
    Delete { name: Name },
    /// The names of all devices.
    List {},
    /// The version of the protocol.
    Version {},
    /// Every device goes, and the process ends.
    Shutdown {},
}

/// `{"ok":{…}}` or `{"error":{"errno":17,"message":"…"}}`.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Response {
    Ok(Answer),
    Error(Refusal),
}

/// The body of a success; what was not asked for is left out.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
pub(crate) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) devices: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u32>,
}

/// The body of a failure.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errno: i32,
    pub(crate) message: String,
}

impl Request {
    /// The request on one line.
    ///
    /// # Errors
    /// EINVAL with the parser's reason, which may repeat the line: cut.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Refusal> {
        let why = |e: serde_json::Error| e.to_string().chars().take(LONGEST).collect::<String>();
        serde_json::from_slice(line).map_err(|e| Refusal::new(libc::EINVAL, why(e)))
    }
}

impl Response {
    /// One line, newline included.
    pub(crate) fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

impl From<Result<Answer, Refusal>> for Response {
    fn from(result: Result<Answer, Refusal>) -> Self {
        result.map_or_else(Self::Error, Self::Ok)
    }
}

impl Refusal {
    pub(crate) fn new(errno: i32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { errno, message }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        name.try_into().map_err(|e: InvalidName| serde::de::Error::custom(e))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn text(result: Result<Answer, Refusal>) -> String {
        String::from_utf8(Response::from(result).to_line()).unwrap()
    }

    #[test]
    fn requests_are_read_and_answers_written_as_documented() {
        let create = Request::parse(br#"{"create":{"name":"wgmesh0"}}"#).unwrap();
        let name = Name::try_from("wgmesh0".to_owned()).unwrap();
        assert_eq!(create, Request::Create { name });
        assert_eq!(Request::parse(br#"{"list":{}}"#).unwrap(), Request::List {});
        assert_eq!(text(Ok(Answer::default())), "{\"ok\":{}}\n");
        let devices = Some(vec!["a".to_owned()]);
        let answer = Answer { devices, ..Answer::default() };
        assert_eq!(text(Ok(answer)), "{\"ok\":{\"devices\":[\"a\"]}}\n");
        let answer = Answer { version: Some(7), ..Answer::default() };
        assert_eq!(text(Ok(answer)), "{\"ok\":{\"version\":7}}\n");
        assert_eq!(
            text(Err(Refusal::new(17, "x"))),
            "{\"error\":{\"errno\":17,\"message\":\"x\"}}\n"
        );
    }

    #[test]
    fn hostile_lines_are_invalid_arguments() {
        let deep = "[".repeat(60_000);
        for line in [
            "",
            "{}",
            "null",
            "[]",
            "{\"create\":{}}",
            "{\"create\":{\"name\":7}}",
            deep.as_str(),
            "{\"create\":{\"name\":\"../x\"}}",
            "{\"list\":{\"x\":1}}",
            "{\"shutdown\"",
            "\u{0}",
            "{\"list\":{}} {\"list\":{}}",
            "{\"list\":{},\"shutdown\":{}}",
        ] {
            assert_eq!(Request::parse(line.as_bytes()).unwrap_err().errno, 22, "{line:.60}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::parse(&line);
        }
    }
}
