"""Tests of the benches: that they still measure what they say."""
