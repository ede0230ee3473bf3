"""What a sampler's proposal costs after so many trials: CPU milliseconds of `Search.ask` and `tell`, without training.

    python benchmarks/proposals.py [--sampler tpe] [--trials 1000 10000]

Four parameters: a choice, a range, and two intervals. Earlier trials have random values; the mean is over 50 proposals.
"""

from __future__ import annotations

import argparse
import random
import time

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import OmegaConf

from sweeper.config import schema
from sweeper.config.keys import folders
from sweeper.config.sweep import SamplerConfig
from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialState
from sweeper.search.sampler import Search
from sweeper.space.composer import Composer
from sweeper.space.parser import parse_space
from sweeper.space.rules import with_rules

SPACE = [
    "arch.depth=1,2,3,4,5",
    "arch.filters=range(1,11)",
    "optimizer.learning_rate=tag(log,interval(0.001,1))",
    "arch.dropout=interval(0,0.6)",
]
PROPOSALS = 50


def search(sampler: str) -> Search:
    schema.register()
    loader = ConfigLoaderImpl(create_config_search_path(str(folders.CONF)))
    parser = OverridesParser.create(config_loader=loader)
    master = loader.load_configuration("config", [f"sampler={sampler}"], run_mode=RunMode.MULTIRUN)
    space = with_rules(parse_space(SPACE, {}, parser, loader.get_group_options), None, None)
    composer = Composer(loader, master, space)
    config = SamplerConfig(**OmegaConf.to_container(master.sampler, resolve=True))  # type: ignore[arg-type]
    return Search(config, space, [Objective("val_accuracy", "maximize")], composer.exists, seed=0)


def propose(searched: Search, chance: random.Random, times: int) -> float:
    """CPU milliseconds per proposal."""
    began = time.process_time()
    for _ in range(times):
        proposal = searched.ask()
        searched.tell(proposal.number, [chance.random()], TrialState.COMPLETE, [0.1, 0.2, 0.3])
    return 1000 * (time.process_time() - began) / times


def learn(searched: Search, chance: random.Random, trials: int) -> None:
    """Gives the sampler so many earlier trials, at random points of the space."""
    for _ in range(trials):
        words = [
            f"arch.depth={chance.randint(1, 5)}",
            f"arch.filters={chance.randint(1, 10)}",
            f"optimizer.learning_rate={10 ** chance.uniform(-2.9, -0.1):.6f}",
            f"arch.dropout={chance.uniform(0, 0.6):.6f}",
        ]
        searched.learn(words, [chance.random()], TrialState.COMPLETE, [0.1, 0.2, 0.3])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1_000, 10_000])
    options = parser.parse_args()
    print("| earlier trials | CPU ms per proposal |\n|---|---|")
    for trials in options.trials:
        searched, chance = search(options.sampler), random.Random(0)
        learn(searched, chance, trials)
        propose(searched, chance, 5)
        print(f"| {trials:,} | {propose(searched, chance, PROPOSALS):.0f} |", flush=True)


if __name__ == "__main__":
    main()
