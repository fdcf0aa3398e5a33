# The yardstick: the same two kinds of model by scikit-learn, on one core.
# Prints a line of JSON: processor seconds of each fit, AUC on the rows learned from.
import csv, json, resource, sys, time
import numpy as np
import sklearn
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

rows = list(csv.reader(open(sys.argv[1])))
head, rows = rows[0], rows[1:]
y = np.array([int(r[-1]) for r in rows])
columns, texts = [], []
for j in range(len(head) - 1):
    cells = [r[j] for r in rows]
    try:
        columns.append(np.array([float(c) if c else np.nan for c in cells]))
        texts.append(False)
    except ValueError:
        known = {v: i for i, v in enumerate(sorted(set(cells)))}
        columns.append(np.array([float(known[c]) for c in cells]))
        texts.append(True)
x, texts = np.array(columns).T, np.array(texts)

def trees():
    m = HistGradientBoostingClassifier(learning_rate=.1, max_iter=100, max_leaf_nodes=15, max_depth=6, min_samples_leaf=40,
                                       l2_regularization=1, categorical_features=texts, early_stopping=False, random_state=1)
    return m.fit(x, y).predict_proba(x)[:, 1]

def card():
    numbers = np.nan_to_num(x[:, ~texts], nan=-1e9)
    binned = KBinsDiscretizer(10, encode="onehot", strategy="quantile").fit_transform(numbers)
    one = OneHotEncoder().fit_transform(x[:, texts])
    z = sparse.hstack([binned, one]).tocsr()
    return LogisticRegression(C=.3, max_iter=500).fit(z, y).predict_proba(z)[:, 1]

out = {"version": sklearn.__version__}
for name, fit in (("trees", trees), ("card", card)):
    begun = time.process_time()
    p = fit()
    out[name] = {"cpu": time.process_time() - begun, "auc": roc_auc_score(y, p)}
out["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(out))
