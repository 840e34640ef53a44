"""Figures of AWS Lambda, and of the texts that `textfn cost` assumes."""

VCPU_MB = 1769  # memory that comes with one vCPU: AWS, "Configure Lambda function memory"
LEAST_MB, MOST_MB = 128, 10_240  # AWS, "Lambda quotas"
TOKENS_PER_TEXT = 29  # the mean of benchmarks/sentences.txt
