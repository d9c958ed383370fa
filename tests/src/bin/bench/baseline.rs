//! First-fit decreasing, the textbook heuristic: what a plan has to beat.

use plimsoll_domain::problem::{Demand, Problem};

/// Cost of first-fit decreasing in nano-USD per hour: pods by falling size, each into the first open node with room,
/// else into a new node of the offering whose price per share that the pod takes is least.
pub fn first_fit_decreasing(problem: &Problem) -> i64 {
    let largest: Vec<i64> = (0..problem.resources.len())
        .map(|r| problem.offerings.iter().map(|offering| offering.capacity[r]).max().unwrap_or(1).max(1))
        .collect();
    let size = |demand: &Demand| {
        demand
            .request
            .iter()
            .zip(&largest)
            .map(|(need, most)| *need as f64 / *most as f64)
            .fold(0.0, f64::max)
    };
    let mut order: Vec<usize> = (0..problem.demands.len()).collect();
    order.sort_by(|a, b| size(&problem.demands[*b]).total_cmp(&size(&problem.demands[*a])));
    let mut open: Vec<Bin> = Vec::new();
    let mut cost = 0;
    for index in order {
        let demand = &problem.demands[index];
        let mut first = 0;
        for _ in 0..demand.count {
            while first < open.len() && !open[first].takes(demand, index) {
                first += 1;
            }
            if first == open.len() {
                let offering = cheapest(problem, demand);
                cost += problem.offerings[offering as usize].price.nano_usd();
                open.push(Bin {
                    offering,
                    free: problem.offerings[offering as usize].capacity.clone(),
                    last: (usize::MAX, 0),
                });
            }
            open[first].put(demand, index);
        }
    }
    cost
}

struct Bin {
    offering: u32,
    free: Vec<i64>,
    /// The demand that was put in last, and how often.
    last: (usize, u32),
}

impl Bin {
    fn takes(&self, demand: &Demand, index: usize) -> bool {
        let here = if self.last.0 == index { self.last.1 } else { 0 };
        demand.offerings.binary_search(&self.offering).is_ok()
            && here < demand.max_per_node.unwrap_or(u32::MAX)
            && demand.request.iter().zip(&self.free).all(|(need, free)| need <= free)
    }

    fn put(&mut self, demand: &Demand, index: usize) {
        self.free.iter_mut().zip(&demand.request).for_each(|(free, need)| *free -= need);
        self.last = if self.last.0 == index { (index, self.last.1 + 1) } else { (index, 1) };
    }
}

fn cheapest(problem: &Problem, demand: &Demand) -> u32 {
    let price = |index: &&u32| {
        let offering = &problem.offerings[**index as usize];
        let share =
            demand.request.iter().zip(&offering.capacity).map(|(need, has)| {
                if need <= has { *need as f64 / (*has).max(1) as f64 } else { f64::INFINITY }
            });
        offering.price.nano_usd() as f64 * share.fold(0.0, f64::max)
    };
    *demand.offerings.iter().min_by(|a, b| price(a).total_cmp(&price(b))).unwrap()
}
