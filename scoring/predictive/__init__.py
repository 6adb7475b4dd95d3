"""The likelihood that a lead reaches a stage, learnt from what became of earlier ones (docs/prediction.md).

`known` reads what was known of leads when they came in, `leaks` names fields that cannot have been known then,
`learning` fits (with scikit-learn, an optional extra), `likelihood` applies what was learnt with numpy alone, and
`runs` are the services. It informs people and decides nothing: no stage, no owner, no order.
"""
