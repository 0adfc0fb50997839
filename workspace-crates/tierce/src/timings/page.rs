//! The page of `--timings`: one file without references to others.

use crate::timings::{Bar, Chart, StepBar};

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8886; --step: #5b8dd6; --critical: #d9822b; --part: #7fb8a4; }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
.chart { position: relative; border: 1px solid var(--line); padding: 1.5rem 0 .5rem; overflow: hidden; }
.tick { position: absolute; top: 0; bottom: 0; border-left: 1px dashed var(--line); padding-left: .25rem; opacity: .7; }
.row { position: relative; height: 1.5rem; margin: .2rem 0; }
.bar { position: absolute; height: 100%; min-width: 2px; background: var(--step); border-radius: 3px; }
.critical .bar { background: var(--critical); }
.part { height: 1.1rem; }
.part .bar { background: var(--part); }
.label { position: absolute; white-space: nowrap; padding: 0 .4rem; }
.part .label { font-size: 12px; line-height: 1.1rem; }
table { border-collapse: collapse; margin-top: 1.5rem; width: 100%; }
td, th { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.time { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.key { display: inline-block; width: .9em; height: .9em; border-radius: 3px; vertical-align: -.1em; margin: 0 .3em 0 1em; }
";

/// Returns the page with a chart.
pub(super) fn html(chart: &Chart, heading: &str) -> String {
    let rows: String = chart.steps.iter().map(|step| rows_of(step, chart.total)).collect();
    let table: String = chart.steps.iter().map(line_of).collect();
    let heading = escaped(heading);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{heading}: timings</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{heading}</h1>\n<p>{} in all.\
         <span class=\"key\" style=\"background:var(--critical)\"></span>the critical path\
         <span class=\"key\" style=\"background:var(--step)\"></span>beside it\
         <span class=\"key\" style=\"background:var(--part)\"></span>packages</p>\n\
         <div class=\"chart\">\n{}{rows}</div>\n\
         <table>\n<tr><th>step</th><th>time</th><th>what</th><th>why</th></tr>\n{table}</table>\n</body>\n</html>\n",
        seconds(chart.total),
        ticks(chart.total),
    )
}

/// Returns about ten marks at round numbers of seconds.
fn ticks(total: f64) -> String {
    let steps = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 3600.0];
    let distance = steps.into_iter().find(|step| total / step <= 12.0).unwrap_or(36_000.0);
    let mut text = String::new();
    let mut at = distance;
    while at < total {
        text.push_str(&format!(
            "<div class=\"tick\" style=\"left:{:.3}%\">{}</div>\n",
            at / total * 100.0,
            seconds(at)
        ));
        at += distance;
    }
    text
}

fn rows_of(step: &StepBar, total: f64) -> String {
    let class = if step.critical { "row critical" } else { "row" };
    let mut rows = row(class, &step.bar, total);
    for part in &step.parts {
        rows.push_str(&row("row part", part, total));
    }
    rows
}

/// Returns a bar with its name: to its right, or to its left if there is no room.
fn row(class: &str, bar: &Bar, total: f64) -> String {
    let percent = |time: f64| if total > 0.0 { (time / total * 100.0).clamp(0.0, 100.0) } else { 0.0 };
    let (left, right) = (percent(bar.start), percent(bar.end));
    let place = match right {
        0.0..70.0 => format!("left:{right:.3}%"),
        _ if left > 30.0 => format!("right:{:.3}%", 100.0 - left),
        _ => format!("left:{left:.3}%"),
    };
    format!(
        "<div class=\"{class}\"><div class=\"bar\" style=\"left:{left:.3}%;width:{:.3}%\"></div>\
         <span class=\"label\" style=\"{place}\">{} {}</span></div>\n",
        right - left,
        escaped(&bar.name),
        seconds(bar.end - bar.start),
    )
}

fn line_of(step: &StepBar) -> String {
    format!(
        "<tr><td>{}</td><td class=\"time\">{}</td><td>{}</td><td>{}</td></tr>\n",
        escaped(&step.bar.name),
        seconds(step.bar.end - step.bar.start),
        escaped(&step.title),
        escaped(&step.cause),
    )
}

fn seconds(time: f64) -> String {
    if time < 10.0 { format!("{time:.2} s") } else { format!("{time:.1} s") }
}

/// Escapes a text for HTML: names of packages and files may have any characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, start: f64, end: f64) -> Bar {
        Bar { name: name.into(), start, end }
    }

    #[test]
    fn page_has_every_bar_and_no_reference() {
        let chart = Chart {
            total: 20.0,
            steps: vec![
                StepBar {
                    bar: bar("packages app", 0.0, 15.0),
                    title: "emerge 1 package".into(),
                    cause: "<b>\"x\" & y</b> changed".into(),
                    critical: true,
                    parts: vec![bar("media-libs/libpng-1.6.39", 1.0, 14.0)],
                },
                StepBar {
                    bar: bar("tag app", 20.0, 20.0),
                    title: "tag".into(),
                    cause: String::new(),
                    critical: false,
                    parts: vec![],
                },
            ],
        };
        let page = html(&chart, "app <1>");
        assert!(page.contains("app &lt;1&gt;") && page.contains("&lt;b&gt;&quot;x&quot; &amp; y&lt;/b&gt; changed"));
        assert!(page.contains("left:0.000%;width:75.000%") && page.contains("libpng-1.6.39 13.0 s"));
        assert_eq!(page.matches("class=\"row critical\"").count(), 1);
        assert_eq!(page.matches("class=\"tick\"").count(), 3, "5, 10 and 15 seconds");
        for foreign in ["http", "src=", "@import", "url(", "<script"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn empty_run_has_a_page() {
        assert!(html(&Chart { total: 0.0, steps: vec![] }, "app").contains("0.00 s in all"));
    }
}
