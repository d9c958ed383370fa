//! Browsers may come from this machine only: while there is no authentication, a page of a foreign site that
//! reaches a loopback address (by DNS rebinding, say) must not be served.

use http::{HeaderMap, Uri, header::ORIGIN};

/// Why a request is refused, if it is: only browsers send an origin, and they never leave it out of a call.
pub fn refusal(headers: &HeaderMap) -> Option<String> {
    let origin = headers.get(ORIGIN)?;
    let text = origin.to_str().unwrap_or_default();
    if is_local(text) {
        return None;
    }
    Some(format!("calls from pages of {text:?} are not allowed"))
}

fn is_local(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: &str, allowed: bool) {
        let headers = HeaderMap::from_iter([(ORIGIN, origin.parse().unwrap())]);
        assert_eq!(refusal(&headers).is_none(), allowed, "{origin}");
    }

    #[test]
    fn only_pages_of_this_machine_are_served() {
        check("http://localhost:7400", true);
        check("http://127.0.0.1:3000", true);
        check("http://[::1]:3000", true);
        check("https://evil.example", false);
        check("http://localhost.evil.example", false);
        check("http://10.0.0.1", false);
        check("null", false);
    }

    #[test]
    fn who_is_no_browser_sends_no_origin() {
        assert_eq!(refusal(&HeaderMap::new()), None);
    }
}
