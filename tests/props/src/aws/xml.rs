//! XML as EC2 and Auto Scaling write it.

/// An element with others in it.
pub fn node(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// An element with text in it.
pub fn leaf(name: &str, text: impl std::fmt::Display) -> String {
    let text = text.to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    node(name, &text)
}

/// A list whose elements have one name.
pub fn list(name: &str, element: &str, items: impl IntoIterator<Item = String>) -> String {
    node(name, &items.into_iter().map(|item| node(element, &item)).collect::<String>())
}
