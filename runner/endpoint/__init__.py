"""The local Comprehend: its wire protocol, its jobs, a small S3, and the NLP behind them."""
