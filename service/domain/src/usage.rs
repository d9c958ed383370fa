//! What pods really use: decaying histograms and exact daily peaks per container.
