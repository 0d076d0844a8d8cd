#!/bin/sh
# A program that is no Python: it fits a line by awk and reports by JSON lines of its own.
set -eu
out=${1:-train_sh_out}
mkdir -p "$out"
lines=${EVIDENCE_SPOOL:+$EVIDENCE_SPOOL/train-sh-$$.jsonl}
LC_ALL=C awk -v lines="${lines:-/dev/null}" -v out="$out/slope.txt" 'BEGIN {
  slope = 0
  for (step = 1; step <= 20; step++) {
    loss = grad = 0
    for (x = 1; x <= 8; x++) { miss = slope * x - 3 * x; loss += miss * miss / 8; grad += 2 * miss * x / 8 }
    slope -= 0.01 * grad
    printf "step %d loss %.9g\n", step, loss
    printf "{\"event\":\"reported\",\"what\":\"step\",\"step\":%d,\"values\":{\"loss\":%.17g,\"learning_rate\":0.01}}\n", step, loss >> lines
  }
  print slope > out
  printf "{\"event\":\"reported\",\"what\":\"metric\",\"name\":\"slope\",\"value\":%.17g,\"unit\":\"\",\"step\":null}\n", slope >> lines
}'
