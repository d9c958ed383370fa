//! Pages of lists. A token is opaque: hex of the list's name and of where the page before ended.

use plimsoll_domain::store::{PageRequest, StoreError};
use plimsoll_engine::Error;

use super::Invalid;
use super::request::hex;
use super::status::Refused;
use crate::limits::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};

/// Longest page token that is looked at; ours have at most four names of 253 bytes, in hex.
const TOKEN_BYTES_MAX: usize = 4096;

/// Reads `page_size` and `page_token` of a list.
///
/// # Errors
/// If the size is negative, or the token is none of this list's.
pub fn request(list: &str, page_size: i32, page_token: &str) -> Result<PageRequest, Refused> {
    let size = size(page_size)?;
    if page_token.is_empty() {
        return Ok(PageRequest { size, token: String::new() });
    }
    match place(list, page_token) {
        Some(token) => Ok(PageRequest { size, token }),
        None => Err(bad_token(page_token)),
    }
}

/// The token of the page after one that ended at `place`; no place, no page.
pub fn token(list: &str, place: &str) -> String {
    if place.is_empty() { String::new() } else { hex(format!("{list}\n{place}").as_bytes()) }
}

/// A page of a list that is made anew for each request, and the token of the next page: how many came before it.
///
/// # Errors
/// If the place in the token is no number.
pub fn part<T>(list: &str, page: &PageRequest, mut all: Vec<T>) -> Result<(Vec<T>, String), Refused> {
    let before = match page.token.as_str() {
        "" => 0,
        place => place.parse::<usize>().map_err(|_| bad_token(place))?,
    };
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let mut rest = all.split_off(before.min(all.len()));
    let next = if size < rest.len() { token(list, &(before + size).to_string()) } else { String::new() };
    rest.truncate(size);
    Ok((rest, next))
}

/// A token that is none of ours.
pub fn bad_token(token: &str) -> Refused {
    Error::Store(StoreError::BadPageToken(token.to_owned())).into()
}

fn size(page_size: i32) -> Result<u32, Invalid> {
    match u32::try_from(page_size) {
        Ok(0) => Ok(PAGE_SIZE_DEFAULT),
        Ok(size) => Ok(size.min(PAGE_SIZE_MAX)),
        Err(_) => Err(Invalid::new("page_size", format!("{page_size} is negative"))),
    }
}

fn place(list: &str, token: &str) -> Option<String> {
    if TOKEN_BYTES_MAX < token.len() {
        return None;
    }
    let text = String::from_utf8(unhex(token)?).ok()?;
    let place = text.strip_prefix(list)?.strip_prefix('\n')?;
    (!place.is_empty()).then(|| place.to_owned())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_size(page_size: i32, want: Option<u32>) {
        assert_eq!(request("plans", page_size, "").ok().map(|page| page.size), want, "{page_size}");
    }

    #[test]
    fn page_sizes_are_coerced() {
        check_size(0, Some(50));
        check_size(7, Some(7));
        check_size(5000, Some(1000));
        check_size(-1, None);
    }

    #[test]
    fn a_token_leads_to_its_place() {
        let token = token("plans", "12\nü");
        assert_eq!(request("plans", 0, &token).unwrap().token, "12\nü");
        assert_eq!(super::token("plans", ""), "");
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let (mut all, mut place) = (Vec::new(), String::new());
        loop {
            let page = request("waste", 3, &place).unwrap();
            let (shown, next) = part("waste", &page, (0..7).collect()).unwrap();
            all.extend(shown);
            if next.is_empty() {
                break;
            }
            place = next;
        }
        assert_eq!(all, (0..7).collect::<Vec<i32>>());
        assert!(part("waste", &PageRequest { size: 1, token: "x".into() }, vec![1]).is_err());
    }

    fn check_foreign(token: &str) {
        assert!(request("plans", 0, token).is_err(), "{token}");
    }

    #[test]
    fn a_foreign_token_is_refused() {
        for token in
            ["x", "abc", "zz", "é", "ff", &token("clusters", "a"), &hex(b"plans\n"), &"6b".repeat(9999)]
        {
            check_foreign(token);
        }
    }
}
