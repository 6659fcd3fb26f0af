"""One pass: observe → desire → plan → policy → apply → report. `one_pass` joins the stages; none imports another."""
