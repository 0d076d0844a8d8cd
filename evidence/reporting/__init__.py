"""Verdicts in the forms that other programs show: SARIF, JUnit, a page in markdown."""
