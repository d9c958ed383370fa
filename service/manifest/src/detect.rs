//! Tells formats apart by how a file begins.

use crate::{price, trace, usage};

/// Formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Kubernetes objects, JSON or YAML.
    Kubernetes,
    /// Pod list of the openb trace, CSV.
    Openb,
    /// Planning instance with its own offerings, JSON.
    Instance,
    /// Samples of usage.
    Usage(usage::Format),
    /// Prices.
    Prices(price::Format),
}

/// Names that only one format has near its beginning. The first that occurs decides.
const NAMES: [(&str, Format); 7] = [
    ("\"resultType\"", Format::Usage(usage::Format::Prometheus)),
    ("\"errorType\"", Format::Usage(usage::Format::Prometheus)),
    ("\"PodMetricsList\"", Format::Usage(usage::Format::PodMetrics)),
    ("\"metrics.k8s.io/", Format::Usage(usage::Format::PodMetrics)),
    ("\"offerings\"", Format::Instance),
    ("\"price_nano_usd_per_hour\"", Format::Instance),
    ("\"metadata\"", Format::Kubernetes),
];

/// The format of a file that begins with `prefix` (after decompression); none if it is in none of them.
///
/// The prefix should be [`crate::input::PREFIX_BYTES_MAX`] long, or the whole file.
pub fn detect(prefix: &[u8], file_name: &str) -> Option<Format> {
    let text = String::from_utf8_lossy(prefix);
    let text = text.trim_start();
    if text.starts_with(['{', '[']) { json(text) } else { lines(text, file_name) }
}

fn json(text: &str) -> Option<Format> {
    let found = NAMES.iter().filter_map(|(name, format)| Some((text.find(name)?, *format)));
    match found.min() {
        // A list says `v1` and `List` first, whatever its items are.
        Some((_, format)) => Some(format),
        None if text.contains("\"apiVersion\"") || text.contains("\"items\"") => Some(Format::Kubernetes),
        None => price::detect(text.as_bytes()).map(Format::Prices),
    }
}

fn lines(text: &str, file_name: &str) -> Option<Format> {
    let header: Vec<&str> = text.lines().next()?.split(',').map(str::trim).collect();
    let has_all = |columns: &[&str]| columns.iter().all(|column| header.contains(column));
    if has_all(&usage::COLUMNS) {
        return Some(Format::Usage(usage::Format::Table));
    }
    if has_all(&trace::OPENB_COLUMNS) {
        return Some(Format::Openb);
    }
    let name = file_name.strip_suffix(".gz").unwrap_or(file_name);
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    if is_yaml || text.lines().any(|line| line.starts_with("apiVersion:") || line.starts_with("kind:")) {
        return Some(Format::Kubernetes);
    }
    price::detect(text.as_bytes()).map(Format::Prices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prefix: &str, file_name: &str, want: Option<Format>) {
        assert_eq!(detect(prefix.as_bytes(), file_name), want, "{prefix} in {file_name}");
    }

    #[test]
    fn a_file_is_told_by_how_it_begins() {
        let kubernetes = Some(Format::Kubernetes);
        check("{\n  \"apiVersion\": \"v1\",\n  \"items\": [", "kube.json", kubernetes);
        check("{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[", "", kubernetes);
        check("[{\"apiVersion\":\"v1\"", "", kubernetes);
        check("---\napiVersion: v1\nitems:\n- apiVersion", "", kubernetes);
        check("# exported by hand\n", "kube.yaml.gz", kubernetes);
        let usage = |format| Some(Format::Usage(format));
        check(
            "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\"",
            "",
            usage(usage::Format::Prometheus),
        );
        check("{\"status\":\"error\",\"errorType\":\"timeout\"", "", usage(usage::Format::Prometheus));
        let metrics =
            "{\"kind\":\"PodMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metadata\":{}";
        check(metrics, "", usage(usage::Format::PodMetrics));
        let listed =
            "{\"apiVersion\":\"v1\",\"items\":[{\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metadata\"";
        check(listed, "", usage(usage::Format::PodMetrics));
        check(
            "time,namespace,pod,container,cpu_milli,memory_bytes,kind,workload\n",
            "",
            usage(usage::Format::Table),
        );
        check(
            "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase\r\n",
            "",
            Some(Format::Openb),
        );
        check("{\"name\":\"C1\",\"resources\":[\"cpu_milli\"],\"offerings\":[{", "", Some(Format::Instance));
        check("{\"SpotPriceHistory\": [", "", Some(Format::Prices(price::Format::SpotHistory)));
        check("type,arch,od_price\n", "", Some(Format::Prices(price::Format::Ec2Table)));
        for neither in ["", "hello", "a,b,c\n1,2,3", "{}", "[]", "\u{0}\u{1}"] {
            check(neither, "notes.txt", None);
        }
    }
}
