import sqlite3, numpy, pandas

store = sqlite3.connect("cifar10.db")
rows = pandas.read_sql("select * from outputs where model = 'small' order by idx", store)
logits = numpy.stack([numpy.frombuffer(blob, "<f4") for blob in rows.logits])
print(logits.max(axis=1).mean())
print(rows.groupby("label").correct.mean())
