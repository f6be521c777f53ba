package main

// dataSet is a public data set that weir knows by name. Its files lie in a folder of its name.
type dataSet struct {
	name    string
	about   string
	licence string
	files   []dataFile
}

// dataFile is one file of a data set. It may lie there as it is or compressed, with .gz added to its name.
type dataFile struct {
	name   string // uncompressed
	url    string // ends in .gz when the download is compressed
	size   int64  // uncompressed bytes
	sha256 string // of the uncompressed file, in hex
}

// dataSets are those that `weir data` knows, with their publishers' own addresses. Every checksum is that of the
// uncompressed file.
var dataSets = []dataSet{
	{"fashion-mnist", "60,000 + 10,000 images 28x28 of clothing, 10 classes (Xiao et al. 2017)", "MIT", idxFiles(
		"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
		"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
		"bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
		"5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
		"0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
	)},
	{"mnist", "60,000 + 10,000 images 28x28 of digits, 10 classes (LeCun et al. 1998)", "CC BY-SA 3.0", idxFiles(
		"https://ossci-dataSets.s3.amazonaws.com/mnist/",
		"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
		"65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
		"0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
		"ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
	)},
	{"a9a", "32,561 + 16,281 rows of the census, 123 binary features, 2 classes (UCI Adult)", "CC BY 4.0", []dataFile{
		{"a9a", libsvm + "a9a", 2329875, "f5d5ffd8d865ff41328e7ee043e4b020816914ff6843ff15b98905ddbedce906"},
		{"a9a.t", libsvm + "a9a.t", 1164628, "1f448a153f0320399a7e40836eb207655b0bde0f21fc941cc472193daa9f5de9"},
	}},
	{"w8a", "49,749 rows of web pages, 300 binary features, 2 classes (Platt 1998)", "none stated", []dataFile{
		{"w8a", libsvm + "w8a", 3478238, "6a9fa8fd5f524303240a5db07d4b3d4a51e8b7b4b20a914105d8e3e8c81640f2"},
	}},
	{"shakespeare", "1,115,394 characters of plays; the speakers are natural clients (Karpathy 2015)", "public domain", []dataFile{{
		"input.txt", "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
		1115394, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
	}}},
}

const libsvm = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/dataSets/binary/"

// idxFiles are the four files of MNIST and of those that share its format, with their checksums.
func idxFiles(base, trainImages, trainLabels, testImages, testLabels string) []dataFile {
	file := func(name string, size int64, sum string) dataFile {
		return dataFile{name: name, url: base + name + ".gz", size: size, sha256: sum}
	}
	return []dataFile{
		file("train-images-idx3-ubyte", 16+60000*28*28, trainImages),
		file("train-labels-idx1-ubyte", 8+60000, trainLabels),
		file("t10k-images-idx3-ubyte", 16+10000*28*28, testImages),
		file("t10k-labels-idx1-ubyte", 8+10000, testLabels),
	}
}
