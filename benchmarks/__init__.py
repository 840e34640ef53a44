"""Speed, as ratios from interleaved runs: machines differ and are noisy, ratios hold."""
