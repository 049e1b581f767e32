"""What a model is: its specification, tokenizer, files and arithmetic; knows nothing of documents or answers."""
