//! Bodies of fuzz targets: what comes over the process's sockets.

use gotatun::device::uapi::command::Request as Configure;

use crate::protocol::Request;

/// A line of the control socket.
pub fn control(line: &[u8]) {
    if let Err(refusal) = Request::parse(line) {
        assert_eq!(refusal.errno, libc::EINVAL);
        let bytes = crate::protocol::Response::from(Err(refusal)).to_line();
        assert!(bytes.len() <= 2_000, "{} bytes", bytes.len());
    }
}

/// A request of the UAPI socket.
pub fn uapi(bytes: &[u8]) {
    let mut reader = tokio::io::BufReader::new(bytes);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    while let Ok(Some(request)) = runtime.block_on(crate::uapi::next_request(&mut reader)) {
        if let Ok(Configure::Set(set)) = request.parse() {
            crate::uapi::kept_alive(&set);
        }
    }
}

#[cfg(test)]
mod tests {
    use wgcni_fuzzing::bounded;

    #[test]
    fn lines_are_requests_or_invalid_arguments() {
        bounded("tunnels_control", super::control);
    }

    #[test]
    fn uapi_requests_are_read_to_their_end() {
        bounded("tunnels_uapi", super::uapi);
    }
}
