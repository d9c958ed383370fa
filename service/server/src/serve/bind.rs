//! Listeners, and what to do when there is none.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A listener and the address that it really has.
#[derive(Debug)]
pub struct Bound {
    /// Takes connections.
    pub listener: TcpListener,
    /// Its address; never port 0.
    pub address: SocketAddr,
}

/// An address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    key: &'static str,
    address: SocketAddr,
    source: io::Error,
}

/// Listens on an address; `key` is the setting that it came from.
///
/// # Errors
/// Says which port, which setting, and what to do.
pub async fn bind(key: &'static str, address: SocketAddr) -> Result<Bound, BindError> {
    let fail = |source| BindError { key, address, source };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    Ok(Bound { listener, address })
}

impl fmt::Display for BindError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, address, source } = self;
        let advice = match source.kind() {
            io::ErrorKind::AddrInUse => "another process has the port: stop it, or choose another port",
            io::ErrorKind::PermissionDenied => "ports below 1024 are for the system: choose a higher one",
            _ => "choose an address of this machine",
        };
        let free = SocketAddr::from((address.ip(), 0));
        write!(to, "{key}: cannot listen on {address}: {advice} ({key} = \"{free}\" takes a free one)")
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_a_way_out() {
        let first = bind("listen.grpc", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let message = bind("listen.grpc", first.address).await.unwrap_err().to_string();
        for part in ["listen.grpc", &first.address.to_string(), "another process", "127.0.0.1:0"] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }
}
