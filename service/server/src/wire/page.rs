//! Pages of lists.

use plimsoll_domain::store::PageRequest;

use super::Invalid;
use crate::limits::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};

/// Longest page token that is looked at; ours are shorter.
const TOKEN_BYTES_MAX: usize = 1024;

/// Reads `page_size` and `page_token`.
pub fn request(page_size: i32, page_token: String) -> Result<PageRequest, Invalid> {
    if TOKEN_BYTES_MAX < page_token.len() {
        return Err(Invalid::new("page_token", "is none of ours: start again from the first page"));
    }
    Ok(PageRequest { size: size(page_size)?, token: page_token })
}

fn size(page_size: i32) -> Result<u32, Invalid> {
    match u32::try_from(page_size) {
        Ok(0) => Ok(PAGE_SIZE_DEFAULT),
        Ok(size) => Ok(size.min(PAGE_SIZE_MAX)),
        Err(_) => Err(Invalid::new("page_size", format!("{page_size} is negative"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page_size: i32, want: Option<u32>) {
        assert_eq!(request(page_size, String::new()).ok().map(|page| page.size), want, "{page_size}");
    }

    #[test]
    fn page_sizes_are_coerced() {
        check(0, Some(50));
        check(7, Some(7));
        check(5000, Some(1000));
        check(-1, None);
    }
}
