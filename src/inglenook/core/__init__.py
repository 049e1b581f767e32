"""The words of the domain, the errors and the settings; knows nothing of files, models or storage."""
