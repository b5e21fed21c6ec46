"""The garbage collector in a process that folds: it finds nothing to collect, so it should seldom look.

What a page decodes dies with the page, by reference counts alone; cycles come from the libraries, and are few.
"""

import gc

# Our choice: some pages of a few thousand objects each. Python's own 700 looks ten times a page, a tenth of the fold.
_THRESHOLDS = (20_000, 20, 50)


def look_seldom() -> None:
    """Let whole pages pass between two looks."""
    gc.set_threshold(*_THRESHOLDS)


def spare_what_stays() -> None:
    """Keep the collector from walking the restored rows: they live as long as their partition.

    What was spared before is looked at once more: a partition that was given up, or taken over anew, is gone.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
