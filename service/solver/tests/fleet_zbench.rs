//! private
use plimsoll_domain::problem::*;
use plimsoll_domain::solution::*;
use plimsoll_solver::*;
use std::sync::atomic::AtomicBool;
#[test]
fn bench() {
    let dir = std::env::var("FT").unwrap();
    let secs: f64 = std::env::var("SECS").map_or(5.0, |s| s.parse().unwrap());
    for name in std::env::var("NAMES").unwrap_or("shop,models,wide".into()).split(',') {
        let text = std::fs::read_to_string(format!("{dir}/{name}.json")).unwrap();
        let mut p: Problem = serde_json::from_str(&text).unwrap();
        if let Ok(m) = std::env::var("MOVES") {
            p.rules.moved_pods_max = if m == "all" {
                None
            } else {
                Some((m.parse::<f64>().unwrap() * p.pod_count() as f64) as u32)
            };
        }
        p.validate().unwrap();
        for seed in 0..std::env::var("SEEDS").map_or(1, |s| s.parse().unwrap()) {
            let start = std::time::Instant::now();
            let elapsed = || start.elapsed().as_secs_f64();
            let cancelled = AtomicBool::new(false);
            let budget = Budget {
                seconds: secs,
                elapsed: &elapsed,
                cancelled: &cancelled,
                gap_target_ratio: 0.0,
                seed,
            };
            let mut last = 0.0;
            let v = std::env::var("V").is_ok();
            let r = fleet::solve(&p, &budget, &mut |g| {
                if v && elapsed() > last {
                    last = elapsed() * 1.15 + 0.001;
                    eprintln!("  {:.3}s {:?}", elapsed(), g.incumbent_nano_usd.map(|x| x as f64 * 1e-9));
                }
            });
            match r {
                Ok(s) => {
                    let o = objective(&p, &s.bins, &s.groups);
                    let now = p.price_now().usd();
                    let kept = s.bins.iter().filter(|b| b.node.is_some()).count();
                    eprintln!(
                        "{name} seed {seed}: now {now:.4} -> cost {:.4} risk {:.4} moves {:.4} total {:.5} | kept {kept}/{} new {} groups {} {:?} {:.2}s",
                        o.cost.usd(),
                        o.risk.usd(),
                        o.moves.usd(),
                        o.total().usd(),
                        p.nodes.len(),
                        s.bins.len() - kept,
                        s.groups.len(),
                        s.stop,
                        elapsed()
                    );
                    if v {
                        for g in &s.groups {
                            eprintln!(
                                "   {:?}",
                                g.offerings.iter().map(|o| &p.offerings[*o as usize].id).collect::<Vec<_>>()
                            );
                        }
                        for b in &s.bins {
                            eprintln!(
                                "   {} {} {:?}",
                                p.offerings[b.offering as usize].id,
                                p.offerings[b.offering as usize].price.usd(),
                                b.placed.iter().map(|x| (x.demand, x.count)).collect::<Vec<_>>()
                            );
                        }
                    }
                    // stability
                    if std::env::var("AGAIN").is_ok() {
                        let q = again(&p, &s);
                        let start = std::time::Instant::now();
                        let elapsed = || start.elapsed().as_secs_f64();
                        let budget = Budget {
                            seconds: secs,
                            elapsed: &elapsed,
                            cancelled: &cancelled,
                            gap_target_ratio: 0.0,
                            seed,
                        };
                        let t = fleet::solve(&q, &budget, &mut |_| ()).unwrap();
                        let o2 = objective(&q, &t.bins, &t.groups);
                        let kept = t.bins.iter().filter(|b| b.node.is_some()).count();
                        eprintln!(
                            "   again: now {:.4} -> cost {:.4} moves {:.5} total {:.5} kept {kept}/{} new {}",
                            q.price_now().usd(),
                            o2.cost.usd(),
                            o2.moves.usd(),
                            o2.total().usd(),
                            q.nodes.len(),
                            t.bins.len() - kept
                        );
                    }
                }
                Err(e) => eprintln!("{name}: {e:?}"),
            }
        }
    }
}
fn again(p: &Problem, s: &Solution) -> Problem {
    let mut q = p.clone();
    q.nodes.clear();
    let old: std::collections::BTreeSet<u32> = p.nodes.iter().map(|n| n.offering).collect();
    let mut map = std::collections::BTreeMap::new();
    for (i, b) in s.bins.iter().enumerate() {
        let off = if b.node.is_some() {
            b.offering
        } else {
            *map.entry(b.offering).or_insert_with(|| {
                let mut o = p.offerings[b.offering as usize].clone();
                o.id = format!("again/{}", o.id);
                o.quantity_max = Some(999);
                q.offerings.push(o);
                let at = q.offerings.len() as u32 - 1;
                for d in &mut q.demands {
                    if d.offerings.contains(&b.offering) {
                        d.offerings.push(at);
                    }
                }
                at
            })
        };
        q.nodes.push(ExistingNode {
            name: format!("n{i}"),
            group: b.node.map_or(format!("new{:?}", b.group), |n| p.nodes[n as usize].group.clone()),
            offering: off,
            drain_cost: plimsoll_domain::units::HourlyRate::from_nano_usd(277777).unwrap(),
            residents: b.placed.clone(),
            sealed: b.node.is_some_and(|n| p.nodes[n as usize].sealed),
            kept: false,
        });
    }
    // offerings that no node refers to any more must not be for sale
    let used: std::collections::BTreeSet<u32> = q.nodes.iter().map(|n| n.offering).collect();
    for o in &old {
        if !used.contains(o) {
            q.offerings[*o as usize].quantity_max = Some(0);
        }
    }
    q.validate().unwrap();
    q
}
