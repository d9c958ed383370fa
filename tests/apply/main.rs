//! Carrying plans out in the simulated world: every step fails once, runs twice, and is interrupted by a crash before and
//! after it; the fleet ends as if nothing had happened, and each effect happens once.

mod cancel;
mod catalog;
mod crowd;
mod drift;
mod interrupt;
mod lease;
mod matrix;
mod meter;
mod remembered;
mod resize;
mod rig;
mod seeds;
mod sequel;
mod turns;
mod windows;
mod world;

#[path = "../course.rs"]
mod course;
#[path = "../service/shop.rs"]
mod shop;
