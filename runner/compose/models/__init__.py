"""Models that a run trains: their data looked at before anything is bought, then trained once per lane, and reused.

tables.py, classifier_data.py, recognizer_data.py    what training data must be; pure over open files
data.py        a manifest's training data: checked, counted, and known by its digest
asking.py      what a lane is asked for: names, objects, requests; pure
training.py    one model in one lane: found, or asked for and waited for
trainer.py     all models of a run, beside its driver
removing.py    what a run's models leave behind, deleted
"""
