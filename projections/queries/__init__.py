"""The queries of the read model. Each is resolved on two clocks and returns typed rows (`projections.answer_types`)."""
