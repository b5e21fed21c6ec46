"""The main job as a show: weeks of dunning in under a minute on a real broker, and a verdict on what it did.

Everything here plays the systems around the engine (biller, charge executor, customers) or watches the
topics. The engine itself is `dunning worker`, in processes of its own.
"""
