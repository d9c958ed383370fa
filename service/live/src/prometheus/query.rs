//! What is asked, and over which spans.

use jiff::Timestamp;
use plimsoll_domain::ledger::Span;

/// Time from one point to the next; also how far back each looks: at least four scrapes at the usual rates.
pub const STEP_SECONDS: i64 = 300;
/// Points of one series that a Prometheus answers at most. Source: its HTTP API, "exceeded maximum resolution".
const POINTS_MAX: i64 = 11_000;

/// Something that is measured of every container.
pub struct Measure {
    /// Names what the values are, for the reader of answers.
    pub file_name: &'static str,
    /// The query, with the matchers of its series in place of `{S}`.
    query: &'static str,
}

/// CPU in cores, and the peak of the working set in bytes. `max by`, for two servers of a pair have each series twice.
pub const MEASURES: [Measure; 2] = [
    Measure {
        file_name: "cpu.json",
        query: "max by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{S}[5m]))",
    },
    Measure {
        file_name: "memory.json",
        query: "max by (namespace, pod, container) (max_over_time(container_memory_working_set_bytes{S}[5m]))",
    },
];

impl Measure {
    /// The query.
    pub fn query(&self, matcher: &str) -> String {
        self.query.replace("{S}", matcher)
    }

    /// The fields of a range query. None if no point lies in the span.
    pub fn form(&self, matcher: &str, span: Span, timeout_seconds: u64) -> Option<String> {
        let (first, last) = points(span)?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("query", &self.query(matcher))
            .append_pair("start", &first.to_string())
            .append_pair("end", &last.to_string())
            .append_pair("step", &STEP_SECONDS.to_string())
            .append_pair("timeout", &format!("{timeout_seconds}s"));
        Some(form.finish())
    }
}

/// Containers of pods, of one cluster if the series tell.
pub fn matcher(label: &str, cluster: &str) -> String {
    let cluster = if label.is_empty() { String::new() } else { format!(",{label}=\"{cluster}\"") };
    format!("{{namespace!=\"\",pod!=\"\",container!=\"\",container!=\"POD\"{cluster}}}")
}

/// First and last point of a span: multiples of the step, so that no point is asked for twice.
fn points(span: Span) -> Option<(i64, i64)> {
    let up = |time: Timestamp| -(-time.as_second()).div_euclid(STEP_SECONDS) * STEP_SECONDS;
    let (first, last) = (up(span.start), up(span.end) - STEP_SECONDS);
    (first <= last).then_some((first, last))
}

/// Parts of a span, in order, none with more points than one query answers.
pub fn parts(span: Span) -> Vec<Span> {
    let Some((first, last)) = points(span) else { return Vec::new() };
    let starts = (first..=last).step_by((POINTS_MAX * STEP_SECONDS) as usize);
    let at = |second| Timestamp::from_second(second).unwrap_or(span.end);
    starts
        .map(|start| Span { start: at(start), end: at(start + POINTS_MAX * STEP_SECONDS).min(span.end) })
        .collect()
}

/// Two parts of a span, if each has a point.
pub fn halves(span: Span) -> Option<[Span; 2]> {
    let (first, last) = points(span)?;
    let middle = first + ((last - first) / STEP_SECONDS + 1) / 2 * STEP_SECONDS;
    let middle = Timestamp::from_second(middle).ok()?;
    (first < last).then_some([Span { end: middle, ..span }, Span { start: middle, ..span }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> Span {
        let at = |second| Timestamp::from_second(second).unwrap();
        Span { start: at(start), end: at(end) }
    }

    #[test]
    fn spans_side_by_side_have_each_point_once() {
        for (start, end, want) in [
            (0, 3600, Some((0, 3300))),
            (3600, 7200, Some((3600, 6900))),
            (1, 3601, Some((300, 3600))),
            (1, 300, None),
            (0, 1, Some((0, 0))),
            (600, 600, None),
        ] {
            assert_eq!(points(span(start, end)), want, "{start}..{end}");
        }
    }

    #[test]
    fn halves_have_the_points_of_the_whole() {
        let [first, second] = halves(span(0, 3600)).unwrap();
        assert_eq!((points(first), points(second)), (Some((0, 1500)), Some((1800, 3300))));
        let [first, second] = halves(span(0, 600)).unwrap();
        assert_eq!((points(first), points(second)), (Some((0, 0)), Some((300, 300))));
        assert_eq!(halves(span(0, 300)), None);
    }

    #[test]
    fn a_long_span_is_asked_for_in_parts_that_are_answered() {
        let whole = span(100, 100 + 90 * 86_400);
        let all: Vec<(i64, i64)> = parts(whole).into_iter().filter_map(points).collect();
        let count = |(first, last): &(i64, i64)| (last - first) / STEP_SECONDS + 1;
        assert_eq!(all.iter().map(count).collect::<Vec<_>>(), [11_000, 11_000, 3_920]);
        assert!(all.windows(2).all(|pair| pair[0].1 + STEP_SECONDS == pair[1].0), "{all:?}");
        assert_eq!((all[0].0, all[2].1), (300, 90 * 86_400));
        assert_eq!(parts(span(1, 299)), []);
    }

    #[test]
    fn a_query_is_of_containers_of_one_cluster() {
        let form = MEASURES[0].form(&matcher("cluster", "prod"), span(0, 3600), 30).unwrap();
        let fields: Vec<(String, String)> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let of = |name: &str| fields.iter().find(|(key, _)| key == name).unwrap().1.as_str();
        assert!(of("query").contains("container!=\"POD\",cluster=\"prod\"}[5m]"), "{fields:?}");
        assert_eq!(["start", "end", "step", "timeout"].map(of), ["0", "3300", "300", "30s"]);
    }
}
