"""What judge finds, and how often it finds what is not there."""

import pytest

from .oracles import beats, noise, oracle, verdict_on

DRAWS = 60
# of 60: four binomial standard errors around 80 %, and below 8 and 5 % plus as much
FOUND, NOTHING, NOISE = range(36, 60), 13, 10


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize(("horizon", "symbols"), [(1, 1), (5, 1), (1, 5)])
def test_oracles_are_found_at_the_printed_skill_and_others_are_not(horizon, symbols):
    found = nothing = noisy = 0
    for seed in range(DRAWS):
        share = verdict_on(oracle(0.1), seed, horizon, symbols).significance.detectable
        found += beats(verdict_on(oracle(share), 1000 + seed, horizon, symbols))
        nothing += beats(verdict_on(oracle(share, factor=2.0), 2000 + seed, horizon, symbols))
        noisy += beats(verdict_on(noise(0.02), 3000 + seed, horizon, symbols))
    print(f"h {horizon}, {symbols} symbols: found {found}, skill 0 {nothing}, noise {noisy} of {DRAWS}")
    assert found in FOUND and nothing <= NOTHING and noisy <= NOISE
