"""The scorecard of a published world: do its sites lie as people and chains do? No Dagster here.

``sites`` and ``tile_pass`` read one country, ``draws`` makes what it is compared with,
``distances``, ``chains`` and ``statistics`` measure, ``country`` is one country, ``world`` pools,
``judgement`` and ``verdicts`` hold the measures against ``contracts/realism.yaml``, and
``scorecard`` is the JSON.
``charts``, ``chain_maps`` and ``page`` draw it; ``publish`` writes it under the root's reports.
"""
