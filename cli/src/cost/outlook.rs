//! What was saved, and what is to be expected.

use plimsoll_proto::v1::forecast::Day;
use plimsoll_proto::v1::savings::Cause;
use plimsoll_proto::v1::{Forecast, Savings};

use super::window;
use crate::output::{Output, Table, usd};
use crate::view;

/// Prints what a plan saved: promised, realised, and why they differ.
pub fn savings(out: &mut Output, savings: &Savings) -> anyhow::Result<()> {
    out.print(savings, &(savings_line(savings) + "\n\n"), &causes(out, savings))?;
    view::remark_findings(out, &savings.findings);
    Ok(())
}

/// `saved    $61.2031 of $62.9000 promised in 8 hours since 2026-07-20 09:00 (spent $112.0000, without the plan $173.2031)`
pub fn savings_line(savings: &Savings) -> String {
    let since = savings.start_time.as_ref().map(window::shown).unwrap_or_default();
    let hours = savings.hour_count;
    let promised = usd(savings.promised_nano_usd);
    match (savings.realised_nano_usd, savings.counterfactual_nano_usd) {
        (Some(realised), Some(without)) => format!(
            "saved    {} of {promised} promised in {hours} hours since {since} (spent {}, without the plan {})",
            usd(realised),
            usd(savings.actual_nano_usd),
            usd(without),
        ),
        _ => format!("saved    unknown; {promised} were promised in {hours} hours since {since}"),
    }
}

fn causes(out: &Output, savings: &Savings) -> Table {
    let row = |cause: &Cause| vec![cause.code.clone(), out.usd(cause.amount_nano_usd), cause.message.clone()];
    Table { head: vec!["CAUSE", "$AMOUNT", "WHY"], rows: savings.causes.iter().map(row).collect() }
}

/// Prints what will be spent.
pub fn forecast(out: &mut Output, forecast: &Forecast) -> anyhow::Result<()> {
    let row = |day: &Day| {
        vec![
            day.start_time.as_ref().map(window::shown).unwrap_or_default(),
            out.usd(day.expected_nano_usd),
            out.usd(day.low_nano_usd),
            out.usd(day.high_nano_usd),
        ]
    };
    let head = vec!["DAY", "$EXPECTED", "$LOW", "$HIGH"];
    let table = Table { head, rows: forecast.days.iter().map(row).collect() };
    out.print(forecast, &(forecast_lines(forecast) + "\n"), &table)?;
    view::remark_findings(out, &forecast.findings);
    Ok(())
}

fn forecast_lines(forecast: &Forecast) -> String {
    let time = |time: &Option<pbjson_types::Timestamp>| time.as_ref().map(window::shown).unwrap_or_default();
    let mut text = format!(
        "forecast {} to {}: {} (8 of 10 times between {} and {}), {} of {} hours\n",
        time(&forecast.start_time),
        time(&forecast.end_time),
        usd(forecast.expected_nano_usd),
        usd(forecast.low_nano_usd),
        usd(forecast.high_nano_usd),
        forecast.method,
        forecast.history_hour_count,
    );
    if let Some(test) = &forecast.backtest {
        text += &format!(
            "backtest error {:.1} % (naive {:.1} %), {:.0} % of hours between low and high, {} folds\n",
            100.0 * test.wape_ratio,
            100.0 * test.naive_wape_ratio,
            100.0 * test.coverage_ratio,
            test.fold_count,
        );
    }
    text += &format!("month    {} so far", usd(forecast.month_to_date_nano_usd));
    if let Some(budget) = forecast.monthly_budget_nano_usd {
        text += &format!(" of {}", usd(budget));
    }
    text + "\n"
}
