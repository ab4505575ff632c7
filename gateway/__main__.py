"""`python -m gateway`: serve on this machine; `make run` and `make demo` call it."""

import argparse
import sys

from gateway.serve import main

parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__)
parser.add_argument("--sample", action="store_true", help="process the sample PDF first and show how")
parser.add_argument("--exit", action="store_true", help="stop after the sample")
arguments = parser.parse_args()
sys.exit(main(sample=arguments.sample, exit_after_sample=arguments.exit))
