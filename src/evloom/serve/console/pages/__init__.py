"""The pages, a module for each subject: it gathers what handlers of the API say, and has a template lay it out."""
